"""Sentences and words of the synthetic tweets of the sample stream."""

from __future__ import annotations

#: label → sentences with slots
SENTENCES: dict[str, tuple[str, ...]] = {
    "negative": (
        "{h} {delay} hours on the tarmac and not one word from the {staff} {bad}",
        "so {h} lost my bag again, third time this {month} {bad}",
        "{h} your {staff} hung up on me after {delay}0 minutes on hold",
        "great, another delay. thanks for nothing {h}",
        "{h} not happy, my {thing} is gone and nobody answers",
        "wow {h} you really know how to ruin a {trip} {bad}",
        "{h} can't even check in, the {app} keeps crashing before every {trip}",
        "{h} flight {n} cancelled and rebooked two days later?? unacceptable",
        "still waiting for my refund {h}. {delay} weeks now",
        "{h} I will never fly with you again, {staff} was so rude",
        "thanks {h} for leaving my kids and me stranded in {city}",
        "missed my connection in {city} because {h} boarded late, no help at all",
        "would be nice if {h} told people why we sit in {city} for {delay} hours",
        "{h} overbooked flight {n} and bumped us, how is that ok",
        "love paying extra for a {thing} that does not work {h}",
    ),
    "neutral": (
        "{h} what time does flight {n} to {city} board?",
        "{h} can I bring a {thing} as carry on?",
        "is {h} flying to {city} in {month}?",
        "{h} which terminal in {city} do you use",
        "on {h} flight {n} to {city}, gate {n}",
        "{h} I sent you a DM about my {trip}",
        "does anyone know if {h} has {thing} on board",
        "RT {user}: {h} adds a new route to {city} {url}",
        "{h} how do I change the name on a booking for {month}",
        "checking in with {h} for the {trip} to {city}",
        "{h} do you have a number for the {staff} in {city}?",
        "{h} is flight {n} on time",
        "{user} they fly {h} to {city} every {month} {url}",
    ),
    "positive": (
        "{h} thank you, the {staff} on flight {n} was {good}",
        "{good} {trip} with {h} today {glad}",
        "shout out to the {staff} of {h} in {city}, {good} help {glad}",
        "{h} found my {thing} and sent it home, I can't thank you enough",
        "{h} never had a bad flight with you. see you in {month}",
        "landed early in {city}! nice one {h} {glad}",
        "{h} best {staff} in the sky, no doubt",
        "upgraded for free on my {trip} to {city}, you rock {h}",
        "honestly {h} fixed my booking in {delay} minutes, not bad at all",
        "{h} that was not the usual mess, smooth boarding and {good} {thing}",
        "my kid got to see the cockpit, thanks {h} {glad}",
    ),
}
#: label → sentences in other languages, with the language's code
FOREIGN: dict[str, tuple[tuple[str, str], ...]] = {
    "negative": (
        ("es", "{h} mi vuelo a {city} está cancelado y no hay nadie para ayudar {bad}"),
        ("de", "{h} der Koffer ist weg und ich warte seit {delay} Stunden {bad}"),
        ("fr", "{h} le vol {n} est en retard et personne ne dit rien"),
    ),
    "neutral": (
        ("es", "{h} a qué hora sale el vuelo {n} para {city}?"),
        ("de", "{h} darf ich ein {thing} mit auf den Flug nehmen?"),
        ("fr", "{h} est-ce que vous avez un vol pour {city} dans le mois?"),
    ),
    "positive": (
        ("es", "{h} muchas gracias, el vuelo a {city} muy bien {glad}"),
        ("de", "{h} danke für den guten Flug nach {city} {glad}"),
        ("pt", "{h} obrigado, o voo para {city} foi ótimo {glad}"),
    ),
}
STORM = {
    "negative": (
        "{h} snow in {city} and you cancel everything, no hotel, no food voucher {bad}",
        "sleeping on the floor in {city} because {h} has no plan for this blizzard",
        "{h} de-icing takes {delay} hours? every other airline is flying out of {city}",
        "day two of the storm and {h} still can't rebook us {bad}",
    ),
    "neutral": ("{h} is there a weather waiver for {city}?", "{h} flight {n} still going despite the blizzard?"),
    "positive": ("{h} got us out of {city} before the blizzard, {good} {staff} {glad}",),
}
#: slang that nobody used before the event: sentence by label
SLANG = {
    "negative": ("{h} that {trip} was straight skibbed {bad}", "{h} so grizzly, {delay} hours at gate {n} fr"),
    "neutral": ("{h} we vibing gate {n} or what", "{h} lowkey need the {thing} rules"),
    "positive": ("{h} {trip} was bussnest, {staff} ate {glad}", "{h} zonked how zesty that landing was {glad}"),
}
#: positive before the flip, ironic after it
FLIP = ("{h} what a premium {trip}", "premium service from {h} today", "{h} truly premium {staff}")
#: what may precede and follow a sentence of any label
OPENERS = (
    *("", "", "", "", "", "so ", "hey ", "ok ", "hi ", "well, ", "just saying: ", "update: ", "fyi "),
    *("this {day}: ", "{day} morning and ", "at {city} airport. ", "row {n} here. ", "question: ", "day {delay}: "),
)
CONTEXTS = (
    *("", "", "", "on the way to {event}", "with {kin} on board", "we were going to {event} in {city}"),
    *("booked back in {month}", "seat {n}{seat}, {day} {time}", "it was {kin}'s first flight", "{time} on {day}"),
    *("flying {time} from {city} with {kin}", "my {delay}th flight this {month}", "heading to {event}", "ref {code}"),
    *("{kin} can tell you the same", "going home from {event} with {kin}", "via {city} and {city2} on {day}"),
    *("case {code}", "a {time} flight out of {city2}", "my {thing} and I made it to {event}", "gate moved to {n}"),
)
TAILS = {
    "negative": (
        *("", "", "do better", "where is everyone", "never again", "not cool", "what a joke", "please answer", "wtf"),
        *("I want my money back", "{kin} is in tears", "is anybody there", "not even a sorry", "shame on you"),
    ),
    "neutral": (
        *("", "", "", "thx", "asking for {kin}", "cheers", "let me know", "just curious", "please", "need to plan"),
        *("can't find it on the {app}", "pls advise", "the {app} does not say"),
    ),
    "positive": (
        *("", "", "well done", "keep it up", "{kin} is happy too", "see you soon", "much appreciated", "so relieved"),
        *("tell the {staff}", "you saved {event}", "won't forget that"),
    ),
}
SLOTS: dict[str, tuple[str, ...]] = {
    "bad": ("", "", "😡", "🤬", "#fail", "smh", "so angry", "worst airline ever", "sooooo tired of this", "😤😤"),
    "glad": ("", "", "😀", "❤️", "🙏", "#happy", "made my day", "✈️😍", "yesss", "thx!"),
    "good": ("great", "amazing", "so friendly", "excellent", "lovely", "super helpful", "awesome", "smooth"),
    "staff": ("crew", "gate agent", "customer service", "phone line", "cabin crew", "desk"),
    "thing": ("bag", "stroller", "wifi", "seat", "guitar", "laptop", "meal", "jacket"),
    "trip": ("flight", "trip", "honeymoon", "vacation", "business trip", "connection"),
    "city": ("Boston", "Dallas", "Chicago", "Denver", "JFK", "Miami", "Newark", "Phoenix", "LAX", "Austin"),
    "month": ("month", "March", "June", "summer", "week", "October", "year"),
    "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "today", "yesterday"),
    "time": ("early", "late", "overnight", "noon", "morning", "evening", "red eye", "afternoon"),
    "kin": (
        "my mom",
        "my dad",
        "the kids",
        "my wife",
        "my husband",
        "my team",
        "grandma",
        "my best friend",
        "a toddler",
    ),
    "event": (
        *("a wedding", "the game", "a job interview", "my graduation", "a funeral", "a conference", "spring break"),
        *("a concert", "the beach", "work", "my sister's birthday", "a ski week", "a cruise", "college", "home"),
    ),
    "seat": tuple("ABCDEF"),
    "city2": ("Seattle", "Atlanta", "Philly", "Orlando", "Houston", "San Diego", "Portland", "Vegas", "Nashville"),
    "app": ("app", "website", "kiosk", "chat bot"),
}
HANDLES = ("@united", "@AmericanAir", "@Delta", "@SouthwestAir", "@JetBlue", "@VirginAmerica")
#: weight of each airline's tweets, and its factor of negative ones
WEIGHTS = (26, 22, 16, 18, 12, 6)
SCOLDED = (1.1, 1.25, 0.8, 0.85, 0.9, 0.7)
