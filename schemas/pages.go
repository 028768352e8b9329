//go:build !js

package schemas

import "embed"

//go:embed *.example.json *.md
var pages embed.FS
