package model

import (
	"path"
	"strings"
)

// PartOf says by its name which part of a model a file is: a role, "weights" for all
// that looks like weights or is an index of them, "adapter" for an adapter's
// configuration, the role chat-template for each file that holds nothing else, or ""
// for a file beside the model.
func PartOf(name string) string {
	switch {
	case looksLikeWeights(name), IsIndex(name):
		return roleWeights
	case path.Base(name) == adapterConfig:
		return "adapter"
	case name == configFile:
		return roleConfig
	case name == templateText, name == templateJSON:
		return roleTemplate
	case isTokenizer(name):
		return roleTokenizer
	case name == generationConfig:
		return roleGeneration
	case isPreprocessor(name):
		return rolePreprocessor
	case isCode(name):
		return roleCode
	}
	return ""
}

// IsIndex reports whether a file is an index that says which weights are where.
func IsIndex(name string) bool { return atRoot(name) && strings.HasSuffix(name, ".index.json") }
