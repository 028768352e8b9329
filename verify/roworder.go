package verify

func (r *rowJudge) checkOrder() {
	r.checkLoggedAll()
	const name = "order/registered-before-result"
	if r.registration == nil {
		r.missing(name, "no registration")
		return
	}
	if r.result.RunID != r.registrationSt.Statement.ID {
		r.refute(name, r.registrationSt.Statement.ID.String(), r.result.RunID.String(), "the result is of another run than the registration it names")
		return
	}
	registered, a := r.bound(r.registrationSt, r.parties(r.registrationSt))
	reported, b := r.bound(r.resultSt, r.parties(r.resultSt))
	switch {
	case b != Missing && r.registrationSt.notBefore.After(reported.Add(r.policy.Skew)):
		r.refute(name, "before "+stamp(reported), "not before "+stamp(r.registrationSt.notBefore),
			"the registration was made after its result had been logged")
	case a == Missing || b == Missing:
		r.missing(name, "the result names the registration; nothing shows when they were logged")
	case registered.After(reported.Add(r.policy.Skew)):
		r.missing(name, "the registration was logged by %s, later than the result, by %s", stamp(registered), stamp(reported))
	case r.retroactive:
		r.pass(name, "registered by %s, after the run: the registration says so itself", stamp(registered))
	default:
		r.pass(name, "registered by %s, reported by %s", stamp(registered), stamp(reported))
	}
}

func (r *rowJudge) checkLoggedAll() {
	const name = "order/logged"
	if lacks := r.lacks(); lacks != "" {
		r.missing(name, "%s", lacks)
		return
	}
	c := Check{Name: name, State: Proven, Detail: "every statement, with a witness that is independent of the parties"}
	for _, s := range r.relied() {
		if s.verified == nil {
			r.missing(name, "%s %s: %s", s.Statement.Kind(), s.Statement.ID.Short(), s.unlogged)
			return
		}
		_, state := r.bound(s, r.parties(s))
		switch {
		case state == Attested:
			c.State, c.By, c.Detail = Attested, s.issuer(), r.selfDated(s)
		case c.State == Proven && r.needsTokens(s):
			c.Detail = "every statement, with a witness or a timestamp authority that is independent of the parties"
		}
	}
	r.add(c)
}
