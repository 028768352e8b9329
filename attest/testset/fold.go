//go:build !js

package testset

import (
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// foldText is NFKC, full case folding, and NFKC again because folding can undo it.
func foldText(s string) string {
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(s)))
}

// standsApart reports whether what is before s has no part in how it is composed.
func standsApart(s string) bool { return norm.NFKC.PropertiesString(s).BoundaryBefore() }
