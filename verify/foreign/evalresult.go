package foreign

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

const (
	evalResultOld  = "https://b7n0de.com/attestation/eval-result/v0.1"
	evalResultNew  = "https://b7n0de.com/attestation/eval-result/v0.2"
	evalResultSame = "https://in-toto.io/attestation/eval-result/v0.1" // the form of v0.2 under a number of its own
)

var evalResultTypes = []string{evalResultOld, evalResultNew, evalResultSame}

var plainDecimal = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)

// readEvalResult checks the predicate of a statement whose other members c has checked.
func readEvalResult(c checker, o map[string]any, predicateType, wrapping string) *Reading {
	old := predicateType == evalResultOld
	form := "the newer form"
	if old {
		form = "the older form"
	}
	r := &Reading{Kind: fmt.Sprintf("an in-toto eval-result statement (%s, %s)%s", predicateType, form, wrapping)}
	p := c.object("predicate", o["predicate"], "evaluator", "verifier", "receipt", "evaluatedAt", "suite", "claims", "sampleSize",
		"commitments", "model", "dataset", "assuranceLevel", "subjectProfile", "preRegistration", "evidence", "harness")
	claims := c.evalResult(r, p, old)
	if r.Broken = c.err; r.Broken != nil {
		r.Lacks, r.Says = lacksAll, nil
		return r
	}
	r.Found = append(r.Found, fmt.Sprintf("It says for %d threshold(s) whether they were reached, by its own word", claims))
	r.Lacks = []string{
		"a score: it has none, only whether thresholds were reached",
		"items: none are committed to one by one, and there are no results to recompute a score from",
		"that it was logged, and when: no proof of logging is part of it, and its time is its author's word",
		"that the run was announced before, and how many runs there were",
		"its evidence: what it points to was not fetched",
	}
	return r
}

// evalResult checks the predicate, lists what it says, and returns how many claims it
// makes.
func (c *checker) evalResult(r *Reading, p map[string]any, old bool) int {
	who := "evaluator"
	if old {
		who = "verifier"
		if _, ok := p["evaluator"]; ok {
			c.fail("evaluator belongs to the newer form")
		}
		c.receipt(p["receipt"])
	} else {
		for _, name := range []string{"verifier", "receipt"} {
			if _, ok := p[name]; ok {
				c.fail("%s belongs to the older form", name)
			}
		}
	}
	if _, ok := p[who]; !ok {
		c.fail("predicate has no %s", who)
	}
	r.say(who, c.text(who, c.object(who, p[who], "id"), "id"))
	evaluated := c.text("predicate", p, "evaluatedAt")
	c.moment("evaluatedAt", evaluated)
	r.say("evaluated at", evaluated)
	suite := c.object("suite", p["suite"], "name", "version")
	r.say("suite", strings.TrimSpace(c.text("suite", suite, "name")+" "+c.optional("suite", suite, "version")))
	claims := c.claims(r, p["claims"])
	size, _ := p["sampleSize"].(json.Number)
	if _, err := size.Int64(); err != nil || strings.HasPrefix(string(size), "-") {
		c.fail("sampleSize must be an integer from 0")
	}
	r.say("samples", string(size))
	for _, name := range []string{"model", "dataset"} {
		r.say(name, c.identity(p, name, old))
	}
	level := c.text("predicate", p, "assuranceLevel")
	c.oneOf("assuranceLevel", level, "self_attested", "third_party", "reproduced", "enclave_attested")
	r.say("assurance", level)
	if profile := c.optional("predicate", p, "subjectProfile"); profile != "" {
		c.oneOf("subjectProfile", profile, "receipt", "public-model", "release-gate")
	}
	c.extras(r, p)
	return claims
}

// extras checks what may be left out.
func (c *checker) extras(r *Reading, p map[string]any) {
	if v, ok := p["preRegistration"]; ok {
		pre := c.object("preRegistration", v, "alg", "value")
		alg := c.text("preRegistration", pre, "alg")
		value := c.text("preRegistration", pre, "value")
		if err := hexDigits(value, digestSizes[alg]); err != nil {
			c.fail("preRegistration.value: %v", err)
		}
		r.say("announced in", alg+":"+value)
	}
	if v, ok := p["evidence"]; ok {
		list, isList := v.([]any)
		if !isList {
			c.fail("evidence is no list")
		}
		for i, e := range list {
			r.say("evidence", c.descriptor(fmt.Sprintf("evidence[%d]", i), e))
		}
	}
	if v, ok := p["harness"]; ok {
		h := c.object("harness", v, "name", "version", "digest")
		r.say("harness", strings.TrimSpace(c.optional("harness", h, "name")+" "+c.optional("harness", h, "version")))
		if _, ok := h["digest"]; ok {
			c.descriptor("harness", map[string]any{"digest": h["digest"]})
		}
	}
}

func (c *checker) receipt(v any) {
	o := c.object("receipt", v, "schema", "merkleRootB64")
	c.text("receipt", o, "schema")
	c.base64("receipt", o, "merkleRootB64")
}

func (c *checker) claims(r *Reading, v any) int {
	list, _ := v.([]any)
	if len(list) == 0 {
		c.fail("no claim")
	}
	for i, v := range list {
		path := fmt.Sprintf("claims[%d]", i)
		o := c.object(path, v, "metric", "comparator", "threshold", "passed")
		metric, comparator := c.text(path, o, "metric"), c.text(path, o, "comparator")
		c.oneOf(path+".comparator", comparator, ">=", ">", "<=", "<")
		threshold, ok := o["threshold"].(string)
		if !ok || !plainDecimal.MatchString(threshold) {
			c.fail("%s.threshold must be a plain decimal in a text", path)
		}
		passed, ok := o["passed"].(bool)
		if !ok {
			c.fail("%s.passed must be true or false", path)
		}
		r.say("claim", fmt.Sprintf("%s %s %s: %s", metric, comparator, threshold, map[bool]string{true: "passed", false: "not passed"}[passed]))
	}
	return len(list)
}

// identity checks that the model, or the data set, is named in exactly one way, and
// returns it.
func (c *checker) identity(p map[string]any, name string, old bool) string {
	public, isPublic := p[name]
	var hidden any
	isHidden := false
	if v, ok := p["commitments"]; ok {
		hidden, isHidden = c.object("commitments", v, "model", "dataset")[name]
	}
	switch {
	case isPublic == isHidden:
		c.fail("want exactly one of %s and commitments.%s", name, name)
		return ""
	case isPublic && old:
		c.fail("the older form hides %s in commitments.%s", name, name)
		return ""
	case isPublic:
		return c.descriptor(name, public)
	}
	path := "commitments." + name
	o := c.object(path, hidden, "alg", "value", "salted")
	alg, value := c.text(path, o, "alg"), c.text(path, o, "value")
	hash, _, _ := strings.Cut(alg, "-") // "sha256-salted-v1"
	if err := hexDigits(value, digestSizes[hash]); err != nil {
		c.fail("%s.value: %v", path, err)
	}
	if o["salted"] != true {
		c.fail("%s must be salted: true", path)
	}
	return "hidden in the commitment " + alg + ":" + value
}
