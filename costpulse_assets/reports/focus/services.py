"""Names that FOCUS wants and Databricks does not have: services, units, clouds, regions."""

from dataclasses import dataclass

#: Subcategories by category; each category has `Other (<category>)` as well.
SUBCATEGORIES: dict[str, tuple[str, ...]] = {
    "AI and Machine Learning": (
        "AI Platforms",
        "Bots",
        "Generative AI",
        "Machine Learning",
        "Natural Language Processing",
    ),
    "Analytics": (
        "Analytics Platforms",
        "Business Intelligence",
        "Data Processing",
        "Search",
        "Streaming Analytics",
    ),
    "Business Applications": ("Productivity and Collaboration",),
    "Compute": ("Containers", "End User Computing", "Quantum Compute", "Serverless Compute", "Virtual Machines"),
    "Databases": (
        "Caching",
        "Data Warehouses",
        "Ledger Databases",
        "NoSQL Databases",
        "Relational Databases",
        "Time Series Databases",
    ),
    "Developer Tools": (
        "Developer Platforms",
        "Continuous Integration and Deployment",
        "Development Environments",
        "Source Code Management",
        "Quality Assurance",
    ),
    "Identity": ("Identity and Access Management",),
    "Integration": ("API Management", "Messaging", "Workflow Orchestration"),
    "Internet of Things": ("IoT Analytics", "IoT Platforms"),
    "Management and Governance": (
        "Architecture",
        "Compliance",
        "Cost Management",
        "Data Governance",
        "Disaster Recovery",
        "Endpoint Management",
        "Observability",
        "Support",
    ),
    "Media": ("Content Creation", "Gaming", "Media Streaming", "Mixed Reality"),
    "Migration": ("Data Migration", "Resource Migration"),
    "Mobile": (),
    "Multicloud": ("Multicloud Integration",),
    "Networking": (
        "Application Networking",
        "Content Delivery",
        "Network Connectivity",
        "Network Infrastructure",
        "Network Routing",
        "Network Security",
    ),
    "Security": ("Secret Management", "Security Posture Management", "Threat Detection and Response"),
    "Storage": ("Backup Storage", "Block Storage", "File Storage", "Object Storage", "Storage Platforms"),
    "Web": ("Application Platforms",),
    "Other": (),
}


@dataclass(frozen=True)
class Service:
    """What a product is in FOCUS; `resource` is the kind of resource its usage is of, None: whichever the row names."""

    product: str
    name: str
    category: str
    subcategory: str
    resource: str | None = None


_AI, _GOVERNANCE = "AI and Machine Learning", "Management and Governance"

# fmt: off
SERVICES: tuple[Service, ...] = (
    Service("AGENT_BRICKS", "Agent Bricks", _AI, "Generative AI"),
    Service("AGENT_EVALUATION", "Agent Evaluation", _AI, f"Other ({_AI})"),
    Service("AI_FUNCTIONS", "AI Functions", _AI, "AI Platforms", "endpoint"),
    Service("AI_GATEWAY", "AI Gateway", _AI, "AI Platforms", "endpoint"),
    Service("AI_RUNTIME", "AI Runtime", _AI, "Generative AI"),
    Service("ALL_PURPOSE", "All-Purpose Compute", "Compute", "Virtual Machines", "cluster"),
    Service("APPS", "Databricks Apps", "Web", "Application Platforms"),
    Service("BASE_ENVIRONMENTS", "Base Environments", "Developer Tools", "Development Environments"),
    Service("CLEAN_ROOM", "Clean Rooms", _GOVERNANCE, f"Other ({_GOVERNANCE})"),
    Service("DATABASE", "Lakebase Database", "Databases", "Relational Databases"),
    Service("DATA_CLASSIFICATION", "Data Classification", "Security", "Security Posture Management"),
    Service("DATA_QUALITY_MONITORING", "Data Quality Monitoring", _GOVERNANCE, "Observability"),
    Service("DATA_SHARING", "Data Sharing", _GOVERNANCE, f"Other ({_GOVERNANCE})"),
    Service("DEFAULT_STORAGE", "Default Storage", "Storage", "Object Storage"),
    Service("DLT", "Declarative Pipelines", "Analytics", "Data Processing", "pipeline"),
    Service("FINE_GRAINED_ACCESS_CONTROL", "Fine-Grained Access Control", "Security", "Other (Security)"),
    Service("FOUNDATION_MODEL_TRAINING", "Foundation Model Training", _AI, "Generative AI"),
    Service("INTERACTIVE", "Interactive Serverless Compute", "Compute", "Serverless Compute"),
    Service("JOBS", "Jobs", "Analytics", "Data Processing", "job"),
    Service("LAKEFLOW_CONNECT", "Lakeflow Connect", "Integration", "Other (Integration)", "pipeline"),
    Service("LAKEHOUSE_MONITORING", "Lakehouse Monitoring", _GOVERNANCE, "Observability"),
    Service("MODEL_SERVING", "Model Serving", _AI, "AI Platforms", "endpoint"),
    Service("NETWORKING", "Networking", "Networking", "Network Connectivity"),
    Service("NOTEBOOKS", "Notebooks", "Compute", "Serverless Compute"),
    Service("ONLINE_TABLES", "Online Tables", "Databases", "Relational Databases", "pipeline"),
    Service("PREDICTIVE_OPTIMIZATION", "Predictive Optimization", _GOVERNANCE, "Cost Management"),
    Service("SHARED_SERVERLESS_COMPUTE", "Shared Serverless Compute", "Compute", "Serverless Compute"),
    Service("SQL", "Databricks SQL", "Databases", "Data Warehouses", "warehouse"),
    Service("VECTOR_SEARCH", "Vector Search", _AI, f"Other ({_AI})", "endpoint"),
)
# fmt: on

#: Units that Databricks spells otherwise; others are kept as they are.
UNITS = {"HOUR": "Hours", "TOKEN": "Tokens", "ANSWER": "Answers"}

#: Who runs the machines, by cloud.
HOST_PROVIDERS = {"AWS": "Amazon Web Services", "AZURE": "Microsoft Azure", "GCP": "Google Cloud Platform"}

#: Names of regions with their cloud providers, by the id that Databricks writes.
REGIONS = {
    # Amazon Web Services
    "af-south-1": "Africa (Cape Town)",
    "ap-northeast-1": "Asia Pacific (Tokyo)",
    "ap-northeast-2": "Asia Pacific (Seoul)",
    "ap-south-1": "Asia Pacific (Mumbai)",
    "ap-southeast-1": "Asia Pacific (Singapore)",
    "ap-southeast-2": "Asia Pacific (Sydney)",
    "ap-southeast-3": "Asia Pacific (Jakarta)",
    "ca-central-1": "Canada (Central)",
    "eu-central-1": "Europe (Frankfurt)",
    "eu-north-1": "Europe (Stockholm)",
    "eu-west-1": "Europe (Ireland)",
    "eu-west-2": "Europe (London)",
    "eu-west-3": "Europe (Paris)",
    "sa-east-1": "South America (Sao Paulo)",
    "us-east-1": "US East (N. Virginia)",
    "us-east-2": "US East (Ohio)",
    "us-gov-west-1": "AWS GovCloud (US-West)",
    "us-west-1": "US West (N. California)",
    "us-west-2": "US West (Oregon)",
    # Microsoft Azure
    "australiacentral": "Australia Central",
    "australiaeast": "Australia East",
    "australiasoutheast": "Australia Southeast",
    "brazilsouth": "Brazil South",
    "canadacentral": "Canada Central",
    "canadaeast": "Canada East",
    "centralindia": "Central India",
    "centralus": "Central US",
    "eastasia": "East Asia",
    "eastus": "East US",
    "eastus2": "East US 2",
    "francecentral": "France Central",
    "germanywestcentral": "Germany West Central",
    "japaneast": "Japan East",
    "japanwest": "Japan West",
    "koreacentral": "Korea Central",
    "mexicocentral": "Mexico Central",
    "northcentralus": "North Central US",
    "northeurope": "North Europe",
    "norwayeast": "Norway East",
    "qatarcentral": "Qatar Central",
    "southafricanorth": "South Africa North",
    "southcentralus": "South Central US",
    "southeastasia": "Southeast Asia",
    "southindia": "South India",
    "swedencentral": "Sweden Central",
    "switzerlandnorth": "Switzerland North",
    "uaenorth": "UAE North",
    "uksouth": "UK South",
    "ukwest": "UK West",
    "westcentralus": "West Central US",
    "westeurope": "West Europe",
    "westindia": "West India",
    "westus": "West US",
    "westus2": "West US 2",
    "westus3": "West US 3",
    # Google Cloud Platform
    "asia-northeast1": "Tokyo",
    "asia-south1": "Mumbai",
    "asia-southeast1": "Singapore",
    "australia-southeast1": "Sydney",
    "europe-west1": "Belgium",
    "europe-west2": "London",
    "europe-west3": "Frankfurt",
    "northamerica-northeast1": "Montreal",
    "southamerica-east1": "Sao Paulo",
    "us-central1": "Iowa",
    "us-east1": "South Carolina",
    "us-east4": "Northern Virginia",
    "us-west1": "Oregon",
    "us-west4": "Las Vegas",
}


def parameters() -> dict[str, list[str | None]]:
    """The tables above as parallel lists: parameters of sql/reports/focus_charges.sql."""
    return {
        "products": [service.product for service in SERVICES],
        "service_names": [service.name for service in SERVICES],
        "service_categories": [service.category for service in SERVICES],
        "service_subcategories": [service.subcategory for service in SERVICES],
        "service_resources": [service.resource for service in SERVICES],
        "units": list(UNITS),
        "unit_names": list(UNITS.values()),
        "clouds": list(HOST_PROVIDERS),
        "host_providers": list(HOST_PROVIDERS.values()),
        "region_ids": list(REGIONS),
        "region_names": list(REGIONS.values()),
    }
