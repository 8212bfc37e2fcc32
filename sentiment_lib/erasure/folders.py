"""Places outside the platform's database: folders below the state folder, other databases, files elsewhere."""

from __future__ import annotations

from sentiment_lib.erasure.place import Place

OWNER = "who runs the stack (file permissions)"

HOLDING = (
    Place(
        name="landing",
        folders=("landing",),
        holds="files as they came, unmasked, with authors",
        purpose="ingesting what a source delivers",
        kept="retention.landing",
        readers=OWNER,
        how="done/, failed/ and reasons beside the files are searched record by record; records of forgotten tweets "
        "leave the file, the others keep every byte. A file that is ingested later loses them as it is moved.",
    ),
    Place(
        name="spool",
        folders=("spool",),
        holds="masked texts sent to the API and their predictions, until the database has them",
        purpose="storing each prediction once",
        kept="seconds, while the database is there",
        readers=OWNER,
        how="the drain drops lines of forgotten tweets; in a segment that is not drained they are overwritten",
    ),
    Place(
        name="answers for retries",
        folders=("idempotency",),
        holds="masked texts sent to the API with an Idempotency-Key, and their predictions",
        purpose="answering a retry with the first answer",
        kept="the setting serving.idempotency_hours",
        readers=OWNER,
        how="lines that name a forgotten tweet are overwritten, and the API drops its copy at its next poll",
    ),
    Place(
        name="snapshots",
        folders=("snapshots",),
        holds="labelled tweets as a model learned from them or was judged on them",
        purpose="reproducing trainings and decisions",
        kept="as long as the tweet",
        readers=OWNER,
        how="rows of forgotten tweets are erased from the files; the commitment of each snapshot still verifies. The "
        "receipt names snapshots that nothing proves, which lose their rows all the same",
    ),
    Place(
        name="checkpoints",
        folders=("checkpoints",),
        holds="weights of unfinished trainings, and words of the texts that they learn from",
        purpose="resuming a training that was interrupted",
        kept="until the training ends; seven days when nobody resumes it",
        readers=OWNER,
        how="the folder of a training on a snapshot that held a forgotten tweet is removed; the training starts again",
    ),
    Place(
        name="scratch folders",
        beside="folders `sentiment-*` in the temporary folder of the machine",
        holds="texts and packages of trainings under way",
        purpose="handing files to libraries that read no other",
        kept="until the training ends",
        readers=OWNER,
        how="those whose process is gone are removed",
    ),
    Place(
        name="packages",
        folders=("mlflow", "artifacts", "cache/models"),
        holds="models: vocabularies, word vectors and weights, learned from texts",
        purpose="predicting sentiment",
        kept="until the version is replaced, when it learned from a forgotten tweet: erasure.models_within",
        readers="steps, API, people with an account in MLflow",
        how="versions that learned from a forgotten tweet, their descendants and pupils are trained again without it; "
        "package, run and cached copies of the old version are erased when nothing serves it",
    ),
    Place(
        name="reports",
        folders=("reports",),
        holds="distributions of signals; ids of tweets in the check of new tweets",
        purpose="showing a drift",
        kept="the newest pages: drift.keep_pages",
        readers="steps, console",
        how="pages and their JSON files are searched; one that names a forgotten tweet is removed, its figures stay",
    ),
    Place(
        name="logs",
        folders=("logs",),
        beside="the folder of Airflow's task logs, where that is another one",
        holds="messages of components and tasks, which may name a cell of a file or an id",
        purpose="finding faults",
        kept="retention.logs",
        readers=OWNER,
        how="every line is searched; what is forgotten is overwritten in place",
    ),
    Place(
        name="exports",
        beside="files that `label export`, `explore`, `export-person` and the console wrote elsewhere",
        holds="texts with labels or predictions",
        purpose="work outside the platform",
        kept="until somebody removes them",
        readers="who asked for the file",
        how="files that this machine still has and that a signed row of the ledger names are searched record by "
        "record; the receipt names those that were left and why, and how many others there were, "
        "whose owners must be told",
    ),
    Place(
        name="backups",
        beside="the folder of the backups, beside the state folder, and copies elsewhere",
        holds="everything that the database and the state folder held then, encrypted",
        purpose="recovering from a loss",
        kept="retention.backups",
        readers="who has the key of the backups",
        how="not changed: the receipt lists each with its expiry, and a restore replays the tombstones first",
    ),
    Place(
        name="files of Postgres",
        folders=("postgres",),
        holds="pages of tables and indexes, statistics of the planner, and the write-ahead log",
        purpose="storing the tables",
        kept="as the tables",
        readers="the account of Postgres",
        how="tables that lost rows are rewritten with their indexes; statistics hold no texts and no authors, and "
        "those of ids are read anew; older write-ahead log goes with the checkpoints that follow, within minutes",
    ),
)

HARMLESS = (
    Place(
        name="tombstone key and other secrets",
        folders=("secrets",),
        how="Passwords and keys.",
    ),
    Place(
        name="anchors",
        folders=("anchors",),
        how="Hashes and signatures of the ledger's head.",
    ),
    Place(
        name="process ids",
        folders=("run", "restoring"),
        how="Process ids, health, the state of the sample stream, and that a restore is under way.",
    ),
    Place(
        name="other caches",
        folders=("cache",),
        how="Which version serves, and the choices of a form.",
    ),
    Place(
        name="Airflow",
        folders=("airflow",),
        beside="Airflow's database: runs, XCom, audit log",
        how="Tasks hand on ids of runs, decisions and versions, counts and file names; no task returns a text or an id "
        "of a tweet. What people type into a form, a note or an answer is searched by Airflow's API and left: the "
        "receipt names the run, or says that nobody could look.",
    ),
    Place(
        name="MLflow's database",
        folders=("mlflow.db",),
        beside="MLflow's database: runs with options, metrics and data sets by name and digest",
        how="Runs name a snapshot and its number of rows, and log none of them.",
    ),
    Place(
        name="dossiers",
        beside="signed files of `decision export`",
        how="Evidence, approvals, ledger rows and keys; no text of a tweet enters evidence.",
    ),
    Place(
        name="replay results",
        beside="folders of `sentiment replay`",
        how="Figures of policies, and probabilities by position in a history; no text and no id.",
    ),
)
