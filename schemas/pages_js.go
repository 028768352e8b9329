package schemas

import "embed"

// A browser that verifies reads no pages, and would have to load them.
var pages embed.FS
