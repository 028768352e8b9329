package schemas

import "strings"

const Base = "https://proctor-attest.github.io/schemas/"

func PredicateType(kind string) string { return Base + kind + "/v1" }
func KindOf(t string) (string, bool) {
	k, ok := strings.CutPrefix(t, Base)
	k, ok2 := strings.CutSuffix(k, "/v1")
	return k, ok && ok2
}
func Validate(kind string, doc []byte) error { return nil }
