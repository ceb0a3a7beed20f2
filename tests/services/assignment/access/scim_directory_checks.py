"""Checks that two large directories make before they call a service compatible: Entra ID and Okta."""

from services.assignment.access.scim.names import ENTERPRISE, GROUP, LIST, USER
from tests.services.assignment.access.scim_checks import (
    PERSON,
    Check,
    finds_none,
    finds_user,
    ids,
    is_error,
    members,
    on_group,
    on_user,
    op,
)
from tests.services.assignment.access.test_scim import new_user

ENTRA = [
    Check("Entra", "an unknown user is looked for", "GET", 'Users?filter=userName eq "{nobody}"', holds=finds_none),
    Check("Entra", "a user is found by userName", "GET", 'Users?filter=userName eq "{name}"', holds=finds_user),
    Check("Entra", "a user is found whatever the case", "GET", 'Users?filter=userName eq "{NAME}"', holds=finds_user),
    Check("Entra", "a user is found by externalId", "GET", 'Users?filter=externalId eq "{external}"', holds=finds_user),
    Check(
        "Entra",
        "a user is found by an address of a type",
        "GET",
        'Users?filter=emails[type eq "work"].value eq "{mail}"',
        holds=finds_user,
    ),
    Check(
        "Entra",
        "a user that is there already",
        "POST",
        "Users",
        {**PERSON, "userName": "{name}"},
        409,
        is_error("uniqueness"),
    ),
    Check(
        "Entra", "the same in capitals", "POST", "Users", {**PERSON, "userName": "{NAME}"}, 409, is_error("uniqueness")
    ),
    on_user("Entra", "Replace with a capital", [op("Replace", "title", "Lead")], lambda s, w: s["title"] == "Lead"),
    on_user("Entra", "Add with a capital", [op("Add", "nickName", "Al")], lambda s, w: s["nickName"] == "Al"),
    on_user("Entra", "Remove with a capital", [op("Remove", "externalId")], lambda s, w: "externalId" not in s),
    on_user("Entra", "switched off by a text", [op("Replace", "active", "False")], lambda s, w: s["active"] is False),
    on_user("Entra", "switched on by a text", [op("Replace", "active", "True")], lambda s, w: s["active"] is True),
    on_user(
        "Entra",
        "several operations at once",
        [op("Replace", "displayName", "Al B."), op("Add", "name.familyName", "B."), op("Replace", "active", "False")],
        lambda s, w: (s["displayName"], s["name"]["familyName"], s["active"]) == ("Al B.", "B.", False),
    ),
    on_user(
        "Entra",
        "an address of a type",
        [op("Replace", 'emails[type eq "work"].value', "{new}@everdesk.example")],
        lambda s, w: s["emails"][0]["value"] != w.user["emails"][0]["value"],
    ),
    on_user(
        "Entra",
        "a telephone of a type that is not there yet",
        [op("Add", 'phoneNumbers[type eq "mobile"].value', "+49 30 1")],
        lambda s, w: s["phoneNumbers"] == [{"type": "mobile", "value": "+49 30 1"}],
    ),
    on_user(
        "Entra",
        "a part of an address",
        [op("Add", 'addresses[type eq "work"].locality', "Berlin")],
        lambda s, w: s["addresses"] == [{"type": "work", "locality": "Berlin"}],
    ),
    on_user(
        "Entra",
        "an attribute of the extension",
        [op("Add", f"{ENTERPRISE}:department", "Payments")],
        lambda s, w: s[ENTERPRISE] == {"department": "Payments"} and ENTERPRISE in s["schemas"],
    ),
    on_user(
        "Entra",
        "names with dots and without a path",
        [op("Add", None, {"name.givenName": "Al", f"{ENTERPRISE}:costCenter": "7"})],
        lambda s, w: (s["name"]["givenName"], s[ENTERPRISE]["costCenter"]) == ("Al", "7"),
    ),
    on_user(
        "Entra",
        "a manager by id",
        [op("Add", f"{ENTERPRISE}:manager", "{other}")],
        lambda s, w: s[ENTERPRISE]["manager"]["value"] == w.other["id"],
    ),
    on_user(
        "Entra",
        "roles are taken and come from groups",
        [op("Add", 'roles[primary eq "True"].value', "admin")],
        lambda s, w: "roles" not in s,
    ),
    Check(
        "Entra",
        "a group is found without its members",
        "GET",
        'Groups?excludedAttributes=members&filter=displayName eq "{group_name}"',
        holds=lambda s, w: ids(s) == [w.group["id"]] and "members" not in s["Resources"][0],
    ),
    Check(
        "Entra",
        "whether somebody is a member",
        "GET",
        'Groups?excludedAttributes=members&filter=id eq "{group}" and members eq "{user}"',
        holds=lambda s, w: ids(s) == [w.group["id"]],
    ),
    Check(
        "Entra",
        "whether somebody else is",
        "GET",
        'Groups?excludedAttributes=members&filter=id eq "{group}" and members eq "{other}"',
        holds=finds_none,
    ),
    on_group(
        "Entra",
        "a member is added",
        [op("Add", "members", [{"value": "{other}"}])],
        lambda s, w: members(s) == {w.user["id"], w.other["id"]},
    ),
    on_group(
        "Entra",
        "a member is removed by value",
        [op("Remove", "members", [{"value": "{user}"}])],
        lambda s, w: not members(s),
    ),
    on_group(
        "Entra",
        "a member is removed by a filter",
        [op("Remove", 'members[value eq "{user}"]')],
        lambda s, w: not members(s),
    ),
    on_group("Entra", "all members are removed", [op("Remove", "members")], lambda s, w: not members(s)),
    Check("Entra", "a group is deleted", "DELETE", "Groups/{group}", status=204),
    Check("Entra", "a user is deleted", "DELETE", "Users/{user}", status=204),
    Check(
        "Entra",
        "the service says what it can",
        "GET",
        "Schemas",
        holds=lambda s, w: set(ids(s)) == {USER, GROUP, ENTERPRISE},
    ),
]
OKTA = [
    Check(
        "Okta",
        "the first page of one user",
        "GET",
        "Users?count=1&startIndex=1",
        holds=lambda s, w: (
            (s["schemas"], s["itemsPerPage"], s["startIndex"], len(s["Resources"])) == ([LIST], 1, 1, 1)
            and s["totalResults"] > 1
        ),
    ),
    Check("Okta", "a user by id", "GET", "Users/{user}", holds=lambda s, w: s == w.user),
    Check("Okta", "an invalid id", "GET", "Users/00919288221112222", status=404, holds=is_error()),
    Check("Okta", "a random user", "POST", "Users", {**new_user(), "userName": "{new}@a.example", "emails": []}, 201),
    Check(
        "Okta",
        "a user is switched off with all the rest",
        "PUT",
        "Users/{user}",
        {**PERSON, "userName": "{name}", "active": False},
        holds=lambda s, w: s["active"] is False,
    ),
    on_user(
        "Okta", "a value without a path", [op("replace", None, {"active": False})], lambda s, w: s["active"] is False
    ),
    on_user(
        "Okta",
        "a password is taken and never told",
        [op("replace", None, {"password": "a-password-of-okta"})],
        lambda s, w: "password" not in s,
    ),
    on_group(
        "Okta",
        "a group is renamed with its id",
        [op("replace", None, {"id": "{group}", "displayName": "n {new}"})],
        lambda s, w: s["displayName"].startswith("n ") and members(s) == {w.user["id"]},
    ),
    on_group(
        "Okta",
        "all members are replaced",
        [op("replace", "members", [{"value": "{other}"}])],
        lambda s, w: members(s) == {w.other["id"]},
    ),
    Check(
        "Okta",
        "a group that is there already",
        "POST",
        "Groups",
        {"displayName": "{group_name}"},
        409,
        is_error("uniqueness"),
    ),
    Check(
        "Okta",
        "the first page of groups",
        "GET",
        "Groups?count=1&startIndex=1",
        holds=lambda s, w: s["itemsPerPage"] == 1,
    ),
]
