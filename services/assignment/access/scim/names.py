"""Schema URNs and attribute names of SCIM resources, and which attributes are stored."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
LIST: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
PATCH: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
SEARCH: Final = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"

SIMPLE: Final = (
    "displayName",
    "nickName",
    "profileUrl",
    "title",
    "userType",
    "preferredLanguage",
    "locale",
    "timezone",
)
"""Texts that are kept as they come; `displayName` is the agent's name."""
NAME_PARTS: Final = ("formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix")
PLURAL_PARTS: Final = ("value", "display", "type", "primary")
ADDRESS_PARTS: Final = ("formatted", "streetAddress", "locality", "region", "postalCode", "country", "type", "primary")
PLURALS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"emails": PLURAL_PARTS, "phoneNumbers": PLURAL_PARTS, "addresses": ADDRESS_PARTS}
)
ENTERPRISE_TEXTS: Final = ("employeeNumber", "costCenter", "organization", "division", "department")
MANAGER_PARTS: Final = ("value", "$ref", "displayName")
FIXED: Final = frozenset({"id", "meta", "groups", "schemas"})
"""Read-only attributes of a user."""
IGNORED: Final = frozenset({"password", "ims", "photos", "entitlements", "roles", "x509certificates"})
"""Attributes of RFC 7643 that are taken and not kept, in lower case: programs set no passwords here, and roles come
from groups."""
