"""Checks of RFC 7643 and RFC 7644: filters, the protocol, and what a service says of itself."""

from services.assignment.access.scim.names import ENTERPRISE, GROUP, USER
from tests.services.assignment.access.scim_checks import (
    PERSON,
    SCIM_JSON,
    Check,
    World,
    filtered,
    finds_none,
    finds_user,
    ids,
    is_error,
    members,
    op,
    patch,
)
from tests.services.assignment.desk import Json


def is_told_where(said: Json, world: World) -> bool:
    """Where the new user is, and its version, in the headers as in the body."""
    assert world.answer is not None
    headers, meta = world.answer.headers, said["meta"]
    return (headers["location"], headers["etag"], meta["resourceType"]) == (meta["location"], meta["version"], "User")


FILTERS = [
    filtered("eq", 'userName eq "{name}"'),
    filtered("an operator in capitals", 'userName EQ "{name}"'),
    filtered("an attribute in any case", 'USERNAME eq "{name}"'),
    filtered("an attribute by its full name", f'{USER}:userName eq "{{name}}"'),
    filtered("ne", 'userName eq "{name}" and title ne "none"'),
    filtered("co", 'userName co "{name}"'),
    filtered("sw and ew", 'userName sw "{name}" and userName ew "{name}"'),
    filtered("pr", 'userName eq "{name}" and externalId pr'),
    filtered("pr of nothing", 'userName eq "{name}" and title pr', finds_none),
    filtered("gt and le of instants", 'userName eq "{name}" and meta.created gt "2020-01-01T00:00:00Z"'),
    filtered(
        "ge and lt of instants", 'userName eq "{name}" and meta.lastModified lt "2020-01-01T00:00:00Z"', finds_none
    ),
    filtered("not", 'userName eq "{name}" and not (active eq false)'),
    filtered("and before or", 'userName eq "{name}" and active eq false or userName eq "{name}"'),
    filtered("parentheses", 'userName eq "{name}" and (active eq false or title pr)', finds_none),
    filtered("a value of many", 'emails.value eq "{mail}"'),
    filtered("of one value of many", 'emails[type eq "work" and value eq "{mail}"]'),
    filtered("externalId is exact", 'externalId eq "{external}" and not (externalId eq "EXT")'),
    Check("filters", "no operator", "GET", 'Users?filter=userName "a"', status=400, holds=is_error("invalidFilter")),
    Check(
        "filters",
        "an unknown operator",
        "GET",
        'Users?filter=userName is "a"',
        status=400,
        holds=is_error("invalidFilter"),
    ),
    Check(
        "filters",
        "a part of nothing",
        "GET",
        'Users?filter=emails[type eq "work"].',
        status=400,
        holds=is_error("invalidFilter"),
    ),
    Check("filters", "discovery takes none", "GET", 'Schemas?filter=id eq "a"', status=403, holds=is_error()),
]
PROTOCOL = [
    Check(
        "RFC 7644",
        "a user is created",
        "POST",
        "Users",
        PERSON,
        201,
        is_told_where,
    ),
    Check("RFC 7644", "names of attributes in any case", "POST", "Users", {"USERNAME": "{new}", "Active": True}, 201),
    Check(
        "RFC 7644",
        "what is read-only is left out",
        "POST",
        "Users",
        {**PERSON, "id": "mine", "meta": {}, "groups": [{"value": "x"}]},
        201,
        lambda s, w: s["id"] != "mine" and not s.get("groups"),
    ),
    Check(
        "RFC 7644",
        "what no schema knows is left out",
        "POST",
        "Users",
        {**PERSON, "urn:x:y": {"a": 1}, "shoe": 42},
        201,
        lambda s, w: "shoe" not in s,
    ),
    Check(
        "RFC 7644", "a type that does not fit", "POST", "Users", {**PERSON, "name": "Al"}, 400, is_error("invalidValue")
    ),
    Check("RFC 7644", "without userName", "POST", "Users", {"schemas": [USER]}, 400, is_error("invalidValue")),
    Check("RFC 7644", "no object", "POST", "Users", [1], 400, is_error("invalidSyntax")),
    Check(
        "RFC 7644", "another media type", "POST", "Users", PERSON, 415, is_error(), (("Content-Type", "text/plain"),)
    ),
    Check(
        "RFC 7644", "plain JSON is taken", "POST", "Users", PERSON, 201, headers=(("Content-Type", "application/json"),)
    ),
    Check(
        "RFC 7644",
        "a charset is taken",
        "POST",
        "Users",
        PERSON,
        201,
        headers=(("Content-Type", "application/scim+json; charset=utf-8"),),
    ),
    Check(
        "RFC 7644",
        "what is left out is cleared",
        "PUT",
        "Users/{user}",
        {**PERSON, "userName": "{name}"},
        holds=lambda s, w: "externalId" not in s and s["id"] == w.user["id"],
    ),
    Check("RFC 7644", "put where nothing is", "PUT", "Users/{nobody}", PERSON, 404, is_error()),
    Check(
        "RFC 7644", "patch where nothing is", "PATCH", "Users/{nobody}", patch(op("add", "title", "x")), 404, is_error()
    ),
    Check("RFC 7644", "delete where nothing is", "DELETE", "Users/{nobody}", status=404, holds=is_error()),
    Check("RFC 7644", "post to one user", "POST", "Users/{user}", PERSON, 405, is_error()),
    Check("RFC 7644", "no place at all", "GET", "Printers", status=404, holds=is_error()),
    Check("RFC 7644", "bulk is not supported", "POST", "Bulk", {"Operations": []}, 501, is_error()),
    Check("RFC 7644", "nor is /Me", "GET", "Me", status=501, holds=is_error()),
    Check(
        "RFC 7644", "startIndex 0 is 1", "GET", "Users?startIndex=0&count=1", holds=lambda s, w: s["startIndex"] == 1
    ),
    Check(
        "RFC 7644",
        "a count below 0 is 0",
        "GET",
        "Users?count=-3",
        holds=lambda s, w: (s["itemsPerPage"], s["Resources"]) == (0, []),
    ),
    Check(
        "RFC 7644",
        "count 0 only counts",
        "GET",
        "Users?count=0",
        holds=lambda s, w: s["totalResults"] > 0 == len(s["Resources"]),
    ),
    Check(
        "RFC 7644",
        "after the last",
        "GET",
        "Users?startIndex=999999",
        holds=lambda s, w: s["Resources"] == [] and s["totalResults"] > 0,
    ),
    Check(
        "RFC 7644",
        "sorting is passed over",
        "GET",
        'Users?sortBy=userName&filter=userName eq "{name}"',
        holds=finds_user,
    ),
    Check(
        "RFC 7644",
        "attributes",
        "GET",
        "Users/{user}?attributes=userName,name.familyName",
        holds=lambda s, w: set(s) == {"schemas", "id", "userName", "name"} and set(s["name"]) == {"familyName"},
    ),
    Check(
        "RFC 7644",
        "attributes by their full names",
        "GET",
        f"Users/{{user}}?attributes={USER}:userName",
        holds=lambda s, w: set(s) == {"schemas", "id", "userName"},
    ),
    Check(
        "RFC 7644",
        "excludedAttributes",
        "GET",
        "Users/{user}?excludedAttributes=emails,id",
        holds=lambda s, w: "emails" not in s and s["id"] == w.user["id"],
    ),
    Check(
        "RFC 7644", "a search by POST", "POST", "Users/.search", {"filter": 'userName eq "{name}"'}, holds=finds_user
    ),
    Check(
        "RFC 7644",
        "a search of everything",
        "POST",
        ".search",
        {"filter": 'id eq "{user}" or id eq "{group}"'},
        holds=lambda s, w: ids(s) == [w.user["id"], w.group["id"]],
    ),
    Check("RFC 7644", "remove needs a path", "PATCH", "Users/{user}", patch(op("remove")), 400, is_error("noTarget")),
    Check(
        "RFC 7644",
        "a required attribute stays",
        "PATCH",
        "Users/{user}",
        patch(op("remove", "userName")),
        400,
        is_error("invalidValue"),
    ),
    Check(
        "RFC 7644",
        "a read-only one too",
        "PATCH",
        "Users/{user}",
        patch(op("replace", "id", "x")),
        400,
        is_error("mutability"),
    ),
    Check(
        "RFC 7644",
        "an unknown one",
        "PATCH",
        "Users/{user}",
        patch(op("add", "shoe", "x")),
        400,
        is_error("invalidPath"),
    ),
    Check(
        "RFC 7644",
        "all operations or none",
        "PATCH",
        "Users/{user}",
        patch(op("add", "title", "x"), op("add", "shoe", "x")),
        400,
        is_error("invalidPath"),
    ),
    Check(
        "RFC 7644",
        "what is there is not added twice",
        "PATCH",
        "Groups/{group}",
        patch(op("add", "members", [{"value": "{user}"}])),
        holds=lambda s, w: s["meta"] == w.group["meta"],
    ),
    Check(
        "RFC 7644",
        "a member that is no user",
        "PATCH",
        "Groups/{group}",
        patch(op("add", "members", [{"value": "{nobody}"}])),
        400,
        is_error("invalidValue"),
    ),
    Check(
        "RFC 7644",
        "who is no member is removed without harm",
        "PATCH",
        "Groups/{group}",
        patch(op("remove", 'members[value eq "{other}"]')),
        holds=lambda s, w: members(s) == {w.user["id"]},
    ),
    Check(
        "RFC 7644",
        "the version that is there",
        "GET",
        "Users/{user}",
        status=304,
        headers=(("If-None-Match", 'W/"0.0",{version}'),),
    ),
    Check(
        "RFC 7644",
        "an older version",
        "PUT",
        "Users/{user}",
        PERSON,
        412,
        is_error(),
        (*SCIM_JSON, ("If-Match", 'W/"0.0"')),
    ),
    Check(
        "RFC 7644",
        "a member knows its group",
        "GET",
        "Users/{user}",
        holds=lambda s, w: (
            [one["value"] for one in s["groups"]] == [w.group["id"]]
            and s["groups"][0]["$ref"].endswith(f"/Groups/{w.group['id']}")
        ),
    ),
    Check(
        "RFC 7644",
        "a group knows its members",
        "GET",
        "Groups/{group}",
        holds=lambda s, w: s["members"][0]["$ref"].endswith(f"/Users/{w.user['id']}"),
    ),
]
FEATURES = ("patch", "bulk", "filter", "changePassword", "sort", "etag", "authenticationSchemes")
DISCOVERY = [
    Check(
        "RFC 7643",
        "the configuration names every feature",
        "GET",
        "ServiceProviderConfig",
        holds=lambda s, w: (
            set(FEATURES) <= set(s)
            and s["filter"]["maxResults"] > 0
            and s["meta"]["resourceType"] == "ServiceProviderConfig"
        ),
    ),
    Check(
        "RFC 7643",
        "the types of resources",
        "GET",
        "ResourceTypes",
        holds=lambda s, w: (
            [(one["endpoint"], one["schema"]) for one in s["Resources"]] == [("/Users", USER), ("/Groups", GROUP)]
        ),
    ),
    Check(
        "RFC 7643",
        "one type",
        "GET",
        "ResourceTypes/Group",
        holds=lambda s, w: s["meta"]["location"].endswith("/ResourceTypes/Group"),
    ),
    Check(
        "RFC 7643",
        "the extension of users",
        "GET",
        "ResourceTypes/User",
        holds=lambda s, w: s["schemaExtensions"] == [{"schema": ENTERPRISE, "required": False}],
    ),
    Check(
        "RFC 7643",
        "one schema",
        "GET",
        f"Schemas/{USER}",
        holds=lambda s, w: all(
            {"name", "type", "multiValued", "required", "caseExact", "mutability", "returned", "uniqueness"} <= set(one)
            for one in s["attributes"]
        ),
    ),
    Check(
        "RFC 7643",
        "userName is unique in any case",
        "GET",
        f"Schemas/{USER}",
        holds=lambda s, w: (
            next(
                (one["uniqueness"], one["caseExact"], one["required"])
                for one in s["attributes"]
                if one["name"] == "userName"
            )
            == ("server", False, True)
        ),
    ),
    Check("RFC 7643", "no such schema", "GET", "Schemas/urn:x:y", status=404, holds=is_error()),
    Check("RFC 7643", "discovery is not written to", "PUT", "ServiceProviderConfig", {}, 405, is_error()),
]
