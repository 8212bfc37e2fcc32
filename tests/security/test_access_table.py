"""The table of roles and actions in docs/security.md, and the settings that give people their roles."""

from __future__ import annotations

import json
import re

import pytest

from tests.security.stack import access_probe
from tests.security.stack.access_table import PAGE, differences, read_table, render
from tests.security.stack.embedded_access import ELSEWHERE

ROOT = PAGE.parents[1]


@pytest.fixture(scope="module")
def table():
    return read_table("Container stack")


def test_each_documented_action_is_tried(table):
    assert list(table) == [*access_probe.HTTP, *access_probe.SQL]
    assert len(table) >= 25
    assert len(table["predict"]) >= 12
    embedded = read_table("Embedded stack")
    assert set(table) - set(embedded) == set(ELSEWHERE)
    files = read_table("Files of the embedded stack")
    assert all(render(each) in PAGE.read_text() for each in (table, embedded, files))
    assert {cells["another user of the machine"] for cells in files.values()} == {"no"}


def test_a_cell_that_differs_is_named(table):
    assert differences(table, table) == []
    found = {action: dict(cells) for action, cells in table.items()}
    found["write XCom"]["Approver"] = "yes"
    found["trigger a run"].pop("Viewer")
    found.pop("predict")
    assert differences(table, found) == [
        "predict: only on one side",
        "trigger a run: account Viewer only on one side",
        "write XCom as Approver: the page says no, the servers yes",
    ]


def test_an_approver_forges_nothing_and_only_approvers_answer(table):
    for action in ("write XCom", "set the state of a task", "clear a task", "trigger a run", "set the state of a run"):
        assert table[action]["Approver"] == "no", action
    assert {name for name, cell in table["answer an approval in Airflow"].items() if cell == "yes"} == {
        "Approver",
        "Admin",
    }


def test_the_example_realm_sends_the_groups_that_the_page_maps_to_roles():
    realm = json.loads((ROOT / "docker/keycloak/realm.json").read_text())
    mapped = re.search(r"^OIDC_ROLES=(.*)$", PAGE.read_text(), re.M)[1]
    groups = {entry.rpartition(":")[0] for entry in mapped.split(",")}
    assert {group["name"] for group in realm["groups"]} == groups
    (client,) = realm["clients"]
    (mapper,) = client["protocolMappers"]
    assert mapper["config"]["claim.name"] == "groups"
    assert (mapper["config"]["userinfo.token.claim"], mapper["config"]["full.path"]) == ("true", "false")
    assert all(address.endswith("/auth/oauth-authorized/oidc") for address in client["redirectUris"])
    assert not client["publicClient"]
    assert not realm["editUsernameAllowed"], "accounts are found by name"
