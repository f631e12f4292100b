DROP TABLE oidc_links;
DROP TABLE oidc_attempts;
DROP TABLE oidc_providers;
