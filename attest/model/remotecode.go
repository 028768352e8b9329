package model

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// outsideCode lists the code that configurations tell a loader to run and that is
// not in the directory: modules of another repository, ORG/NAME--MODULE.CLASS, and
// files that are missing. The kept files passed checkParsed.
func outsideCode(files []File, kept map[string][]byte) []string {
	outside := map[string]bool{}
	for _, name := range []string{configFile, tokenizerConfig} {
		var members struct {
			AutoMap map[string]json.RawMessage `json:"auto_map"`
		}
		if json.Unmarshal(withoutInfinities(kept[name]), &members) != nil {
			continue
		}
		for _, raw := range members.AutoMap {
			for _, class := range classesOf(raw) {
				if strings.Contains(class, "--") {
					outside[class] = true
				} else if module, _, ok := strings.Cut(class, "."); ok && find(files, module+".py") == nil {
					outside[module+".py"] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(outside))
}

// classesOf reads a class, or a list of classes and nulls.
func classesOf(raw json.RawMessage) []string {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}
	}
	var several []*string
	if json.Unmarshal(raw, &several) != nil {
		return nil
	}
	var out []string
	for _, class := range several {
		if class != nil {
			out = append(out, *class)
		}
	}
	return out
}
