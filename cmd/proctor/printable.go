package main

import (
	"fmt"
	"strings"
	"unicode"
)

// printable spells out what would act on a terminal, or turn text around, instead of
// being read: errors and documents quote text that others wrote.
func printable(s string) string {
	acts := func(r rune) bool {
		return r != '\n' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp))
	}
	if strings.IndexFunc(s, acts) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if acts(r) {
			fmt.Fprintf(&b, "\\u%04x", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
