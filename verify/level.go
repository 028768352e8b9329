package verify

import "fmt"

// facetsOf derives the facets from checks: level n of a facet is reached when
// every check that it or a lower level needs is proven, or is attested by
// somebody independent of the lab. O1 and C1 are content with less (PROTOCOL §7).
func facetsOf(checks []Check, independentOfLab func(by string) bool) Facets {
	var f Facets
	for facet := range facetCount {
		for level := 1; level <= 3; level++ {
			if !reached(checks, facet, level, independentOfLab) {
				break
			}
			f[facet] = level
		}
	}
	return f
}

func reached(checks []Check, facet Facet, level int, independentOfLab func(string) bool) bool {
	shown := 0
	for _, entry := range Catalogue {
		if entry.Facet != facet || entry.Level != level {
			continue
		}
		c := find(checks, entry.Name)
		if c == nil {
			return false
		}
		switch c.State {
		case NotApplicable:
			continue
		case Proven:
		case Attested:
			if level > 1 || facet != Order && facet != Completeness {
				if !independentOfLab(c.By) {
					return false
				}
			}
		default:
			return false
		}
		shown++
	}
	return shown > 0 // where no question arises, nothing is shown
}

func find(checks []Check, name string) *Check {
	for i := range checks {
		if checks[i].Name == name {
			return &checks[i]
		}
	}
	return nil
}

// levelOf is the table of levels, as far as this version's facets reach.
func levelOf(f Facets, retroactive bool) Level {
	switch {
	case f[Identity] >= 1 && f[Result] >= 1 && retroactive:
		return CAL1R
	case f[Identity] >= 2 && f[Order] >= 2 && f[Completeness] >= 2 && f[Result] >= 1 && f[Deployment] >= 1 && !retroactive:
		return CAL2
	case f[Identity] >= 2 && f[Order] >= 1 && f[Result] >= 1 && f[Deployment] >= 1 && !retroactive:
		return CAL1
	}
	return CAL0
}

// settle sets a row's facets, level and headline from its checks.
func (r *Row) settle(require Requirement, retroactive bool, independentOfLab func(string) bool) {
	r.Facets = facetsOf(r.Checks, independentOfLab)
	r.Level = levelOf(r.Facets, retroactive)
	if r.Declared != "" {
		r.Level = min(r.Level, CAL1) // whoever chooses the items can choose those that were answered
	}
	r.Headline = r.headline(require)
}

func (r *Row) headline(require Requirement) Headline {
	if r.Headline == Retracted && !r.contradicted() {
		return Retracted
	}
	if r.contradicted() {
		return ContradictedClaim
	}
	if r.Facets[Identity] == 0 || r.Facets[Result] == 0 {
		return NotSupported
	}
	if r.Level < require.Level || r.Level >= CAL1 && r.Facets[Completeness] == 0 {
		return SupportedWithGaps
	}
	for facet, n := range require.Facets {
		if r.Facets[facet] < n {
			return SupportedWithGaps
		}
	}
	if r.Stale {
		return SupportedWithGaps
	}
	return Supported
}

func (r *Row) contradicted() bool {
	for _, c := range r.Checks {
		if c.State == Contradicted {
			return true
		}
	}
	return false
}

// combine makes the pack's verdict from its rows: a table is as good as its
// worst row, what was withdrawn and replaced set aside. Without a row there is no score to support, but an opening can be false.
func (v *Verdict) combine() {
	first := true
	for _, claim := range v.Claims {
		if claim.Replaced {
			continue
		}
		for _, r := range claim.Rows {
			if first {
				v.Headline, v.Level, v.Facets, first = r.Headline, r.Level, r.Facets, false
			}
			v.Headline = min(v.Headline, r.Headline)
			v.Level = min(v.Level, r.Level)
			for i, n := range r.Facets {
				v.Facets[i] = min(v.Facets[i], n)
			}
			v.Stale = v.Stale || r.Stale
		}
	}
	v.Declared = v.declared()
	if !first {
		return
	}
	v.Headline = NotSupported
	for _, o := range v.Openings {
		if o.State == Contradicted {
			v.Headline = ContradictedClaim
		}
	}
}

// declared says what of a table is on items that a registrant chose: all of it alike,
// or some of its scores.
func (v *Verdict) declared() string {
	scores, declared := 0, map[string]int{}
	for _, claim := range v.Claims {
		for _, r := range claim.Rows {
			scores++
			if r.Declared != "" {
				declared[r.Declared]++
			}
		}
	}
	some := 0
	for text, n := range declared {
		if n == scores {
			return text
		}
		some += n
	}
	if some == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d scores on items chosen by the registrant", some, scores)
}
