package model

import (
	"slices"
	"strings"
)

// PartOf says by its name which part of a model a file is: a role, "weights" for all
// that looks like weights, the role chat-template for each file that can hold one, or
// "" for a file beside the model.
func PartOf(name string) string {
	switch {
	case looksLikeWeights(name) || atRoot(name) && strings.HasSuffix(name, indexSuffix):
		return roleWeights
	case name == configFile:
		return roleConfig
	case slices.Contains(tokenizerFiles, name), atRoot(name) && strings.HasSuffix(name, ".tiktoken"):
		return roleTokenizer
	case name == templateText, name == templateJSON:
		return roleTemplate
	case name == generationConfig:
		return roleGeneration
	case slices.Contains(preprocessorFiles, name):
		return rolePreprocessor
	case strings.HasSuffix(name, ".py"):
		return roleCode
	}
	return ""
}
