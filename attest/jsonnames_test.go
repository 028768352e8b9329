package attest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Two equal names are found among any number of others.
func TestCheckJSONManyNames(t *testing.T) {
	for _, n := range []int{2, fewNames - 1, fewNames, fewNames + 1, 3 * fewNames} {
		members := make([]string, n)
		for i := range members {
			members[i] = fmt.Sprintf(`"m%d":{"%d":[]}`, i, i)
		}
		text := "{" + strings.Join(members, ",") + "}"
		if err := CheckJSON([]byte(text)); err != nil {
			t.Errorf("%d names: %v", n, err)
		}
		for _, twin := range []string{`"m1"`, `"\u006d1"`} {
			twice := strings.Replace(text, fmt.Sprintf(`"m%d"`, n-1), twin, 1)
			if n == 2 {
				twice = strings.Replace(text, `"m0"`, twin, 1)
			}
			err := CheckJSON([]byte(`[` + twice + `]`))
			var at *JSONError
			if !errors.As(err, &at) || at.Reason != `duplicate name "m1"` {
				t.Errorf("%d names and %s twice: %v", n, twin, err)
				continue
			}
			if want := 1 + strings.LastIndex(twice, `1":{`) - len(twin) + 2; n > 2 && at.Offset != want {
				t.Errorf("%d names and %s twice: at byte %d, want %d", n, twin, at.Offset, want)
			}
		}
	}
}
