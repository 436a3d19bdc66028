"""What a pattern can be compared with: the fields of an attribution key, its SKU, and the names of the day."""

from typing import Final, Literal, get_args

#: Where the values of a field come from. A field may have several values (id and name): one that matches is enough.
#: A value that is NULL is none; a key without any value of a field matches only the pattern `missing`.
#:
#: - workspace: cost_keys.workspace_id, and workspaces.name
#: - product: cost_keys.product
#: - sku_name: the SKU of the usage
#: - cluster_name: resource_names of the cluster on the usage day
#: - job: cost_keys.job_id, and the name of the job on the usage day (resource_names, else cost_keys.job_name)
#: - warehouse: cost_keys.warehouse_id, and the name of the warehouse on the usage day
#: - user_email: cost_keys.user_email, of people and service principals
#: - user_domain: what follows the last @ of cost_keys.user_email; service principals have none
#: - tag: the value of the tag `tag_key`
#:
#: Usage before the first known name of a resource goes by that one.
Field = Literal[
    "workspace", "product", "sku_name", "cluster_name", "job", "warehouse", "user_email", "user_domain", "tag"
]
FIELDS: Final[tuple[Field, ...]] = get_args(Field)
