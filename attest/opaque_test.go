package attest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/schemas"
)

// What a newer version signs stays a link of its issuer's chain; what is not ours, or
// has no place in a chain, is refused.
func TestOpaque(t *testing.T) {
	zeros := strings.Repeat("0", 64)
	statement := func(kind, predicate string) []byte {
		return fmt.Appendf(nil, `{"_type":%q,"predicate":%s,"predicateType":%q,"subject":[{"digest":{"sha256":%q},"name":"x"}]}`, StatementType, predicate, kind, zeros)
	}
	header := fmt.Sprintf(`{"findings":[1],"issuer":"https://lab.example","prev":%q,"refs":[{"id":%q,"role":"finding"}],"seq":7}`, zeros, zeros)
	s, err := ParseStatement(statement(schemas.Base+"inventory/v2", header))
	if err != nil {
		t.Fatal(err)
	}
	if head := s.Head(); s.Kind() != "inventory/v2" || head.Issuer != "https://lab.example" || head.Seq != 7 || len(head.Refs) != 1 {
		t.Errorf("kind %q, head %+v", s.Kind(), head)
	}
	for _, tt := range []struct{ kind, predicate, want string }{
		{"https://other.example/inventory/v1", header, "unknown predicate type"},
		{schemas.Base + "../v1", header, "unknown predicate type"},
		{schemas.Base + "inventory/v2", strings.Replace(header, `"seq":7`, `"seqq":7`, 1), "want issuer, seq, prev and refs"},
		{schemas.Base + "inventory/v2", strings.Replace(header, `"issuer"`, `"iſsuer"`, 1), "not spelled"},
		{schemas.Base + "inventory/v2", strings.Replace(header, "https://lab.example", "lab", 1), "not a URI"},
		{schemas.Base + "inventory/v2", strings.Replace(header, `"seq":7`, `"seq":-7`, 1), "seq"},
		{schemas.Base + "inventory/v2", strings.Replace(header, zeros, "00", 1), "prev"},
	} {
		payload, err := Canonicalize(statement(tt.kind, tt.predicate))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseStatement(payload); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ParseStatement(%s, %s) = %v, want %q", tt.kind, tt.predicate, err, tt.want)
		}
	}
}
