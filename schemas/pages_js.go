package schemas

import "embed"

// A browser verifies: it validates statements and configurations, and would have to load
// the schemas of what programs print.
//
//go:embed audit.schema.json claim.schema.json common.schema.json configuration.schema.json
//go:embed grant.schema.json head.schema.json inventory.schema.json model.schema.json
//go:embed opening.schema.json registration.schema.json release.schema.json result.schema.json
//go:embed retraction.schema.json testset.schema.json
var files embed.FS

// It reads no pages either.
var pages embed.FS
