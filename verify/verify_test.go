package verify

import "testing"

func TestHonestPack(t *testing.T) {
	v := newWorld(t, hooks{}).verify()
	checkWords(t, v)
	if v.Headline != Supported || v.Level != CAL1 || v.Stale {
		t.Errorf("verdict %s %s [%s] stale %v, want SUPPORTED CAL-1", v.Headline, v.Level, v.Facets, v.Stale)
		for _, c := range v.Claims {
			for _, r := range c.Rows {
				for _, c := range r.Checks {
					t.Logf("%-13s %s: %s %s %s", c.State, c.Name, c.Detail, c.Want, c.Got)
				}
			}
		}
	}
}
