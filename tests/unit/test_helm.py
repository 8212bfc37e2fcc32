"""The charts give each process what docker-compose.yaml gives it, and name nothing that does not exist.

Read as text: templates are rendered by Helm, which tests do not need.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/sentiment"
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
AIRFLOW = yaml.safe_load((ROOT / "deploy/helm/values-airflow.yaml").read_text())
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"]
TEMPLATES = {path.stem: path.read_text() for path in sorted((CHART / "templates").glob("*.yaml"))}
SECRETS = set(re.findall(r"(?m)^(\w+)=", (ROOT / ".env.example").read_text()))
#: Secrets that may be absent, as variables that may be empty in docker-compose.yaml.
OPTIONAL = {"SENTIMENT_X_BEARER_TOKEN", "SENTIMENT_ALERT_URLS"}
#: Services by the names of the chart of Airflow.
COMPONENTS = {
    "apiServer": "airflow",
    "scheduler": "scheduler",
    "dagProcessor": "dag-processor",
    "triggerer": "triggerer",
    "workers": "worker",
}
#: Variables that the chart of Airflow sets itself, from the Secrets that the values name.
OF_CHART = {
    "AIRFLOW__CORE__EXECUTOR",
    "AIRFLOW__CORE__FERNET_KEY",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
    "AIRFLOW__CELERY__BROKER_URL",
    "AIRFLOW__CELERY__RESULT_BACKEND",
}
#: OpenID Connect is off.
OIDC = {"OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_ROLES"}


def containers(template):
    """(name, text) of each container of a template."""
    parts = re.split(r"(?m)^      containers:\n        - name: ", template)[1:]
    return {part.split("\n", 1)[0]: part for part in parts}


def variables(text):
    """Names of the environment's variables in a container's text, without the passwords of database URLs."""
    env = text.partition(" env:\n")[2].partition("\n          resources:")[0]
    env = env.partition("\n          ports:")[0]
    listed = set(re.findall(r"\{name: ([A-Z_]\w+), value", env))
    included = set(re.findall(r'include "sentiment\.(?:secret|database)" \(dict "root" \$ "name" "(\w+)"', env))
    ranged = {name for names in re.findall(r"range list((?: \"[A-Z_]+\")+)", env) for name in re.findall(r"\w+", names)}
    return listed | included | ranged


def wanted(service):
    return set(COMPOSE[service]["environment"])


@pytest.mark.parametrize(("template", "service"), [("api", "api"), ("alerts", "alerts"), ("mlflow", "mlflow")])
def test_a_service_gets_the_variables_that_it_gets_in_the_container_stack(template, service):
    (text,) = containers(TEMPLATES[template]).values()
    assert variables(text) == wanted(service)


def test_jobs_get_the_variables_that_they_get_in_the_container_stack():
    jobs = containers(TEMPLATES["migrate"])
    assert variables(jobs["mlflow-accounts"]) == wanted("mlflow-accounts")
    accounts = {f"{one.partition(':')[0].upper()}_PASSWORD" for one in VALUES["airflowUsers"]}
    found = variables(jobs["migrate"]) | accounts
    # what Airflow's processes use while they run
    idle = {name for name in wanted("migrate") if name.startswith(("AIRFLOW__", "OMP_"))}
    assert found - idle == wanted("migrate") - idle - OIDC
    assert found <= wanted("migrate")
    assert {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__CORE__FERNET_KEY"} <= found


def test_every_value_that_a_template_uses_exists():
    used = {path for text in TEMPLATES.values() for path in re.findall(r"\.Values\.([\w.]+)", text)}
    assert len(used) > 15
    for path in used:
        value = VALUES
        for key in path.split("."):
            assert key in value, path
            value = value[key]


def test_images_are_those_of_the_container_stack():
    built = {service["image"] for service in COMPOSE.values() if service["image"].startswith("airline-sentiment/")}
    assert {image["repository"] for image in VALUES["images"].values()} == built
    assert AIRFLOW["defaultAirflowRepository"] == "airline-sentiment/airflow"
    version = re.search(r'(?m)^version = "(.+)"', (ROOT / "pyproject.toml").read_text()).group(1)
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == chart["version"] == AIRFLOW["defaultAirflowTag"] == version
    pinned = re.search(r"(?m)^apache-airflow==(\S+)", (ROOT / "constraints.txt").read_text()).group(1)
    assert AIRFLOW["airflowVersion"] == pinned


def test_secrets_are_references_to_keys_that_the_example_names():
    keys = {key for text in TEMPLATES.values() for key in re.findall(r'"key" "(\w+)"', text)}
    keys |= {
        name
        for text in TEMPLATES.values()
        for name, rest in re.findall(r'"sentiment\.secret" \(dict "root" \$ "name" "(\w+)"([^)]*)\)', text)
        if '"key"' not in rest
    }
    keys |= set(re.findall(r"key: (\w+)[,}]", (ROOT / "deploy/helm/values-airflow.yaml").read_text()))
    assert len(keys) > 15
    assert keys <= SECRETS | OPTIONAL


def test_processes_of_airflow_get_what_they_get_in_the_container_stack():
    common = {one["name"] for one in AIRFLOW["env"]}
    assert all(set(one) == {"name", "value"} for one in AIRFLOW["env"]), "the chart's `env` takes plain values only"
    for component, service in COMPONENTS.items():
        own = {one["name"] for one in AIRFLOW[component]["env"] if not one["name"].startswith("DATABASE_PASSWORD_")}
        assert common | own | OF_CHART == wanted(service) - OIDC, component
        assert not common & own, component


def test_a_password_is_defined_before_the_url_that_has_it():
    for component in COMPONENTS:
        seen = set()
        for one in AIRFLOW[component]["env"]:
            assert set(re.findall(r"\$\((\w+)\)", one.get("value", ""))) <= seen
            seen.add(one["name"])


def test_volumes_are_those_of_the_chart_and_only_who_signs_has_the_keys():
    made = set(re.findall(r'"([\w-]+)"', TEMPLATES["volumes"].splitlines()[0]))
    assert made == VALUES["volumes"].keys() - {"accessMode", "storageClassName"}
    volumes = {one["name"]: one for one in AIRFLOW["volumes"] + AIRFLOW["workers"]["extraVolumes"]}
    claims = {one["persistentVolumeClaim"]["claimName"] for one in volumes.values() if "persistentVolumeClaim" in one}
    assert claims == {f"sentiment-{name}" for name in made}
    mounted = {
        component: {one["name"]: one for one in AIRFLOW[component]["extraVolumeMounts"]} for component in COMPONENTS
    }
    assert [component for component, mounts in mounted.items() if "signing-keys" in mounts] == ["workers"]
    assert [name for name, mounts in mounted.items() if not mounts["public-keys"].get("readOnly")] == ["workers"]
    assert "signing-keys" in TEMPLATES["migrate"]
    assert not any("signing-keys" in TEMPLATES[name] for name in ("api", "alerts", "mlflow"))


def test_every_pod_is_bounded_and_cannot_become_root():
    for name in ("api", "alerts", "mlflow", "migrate"):
        for container, text in containers(TEMPLATES[name]).items():
            assert 'include "sentiment.container"' in text, container
            assert "resources: {{- toYaml" in text, container
        assert TEMPLATES[name].count('include "sentiment.pod"') == len(containers(TEMPLATES[name]))
    helpers = (CHART / "templates/_helpers.tpl").read_text()
    for line in ("runAsNonRoot: true", "readOnlyRootFilesystem: true", "capabilities: {drop: [ALL]}"):
        assert line in helpers
    for limits in (VALUES[name]["resources"]["limits"] for name in ("api", "alerts", "mlflow", "migrate")):
        assert "memory" in limits
    for component in COMPONENTS:
        assert "memory" in AIRFLOW[component]["resources"]["limits"], component
    assert AIRFLOW["securityContexts"]["containers"]["readOnlyRootFilesystem"] is True
