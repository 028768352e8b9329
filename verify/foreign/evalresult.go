// Package foreign recognises evidence that is not Proctor's, checks it against the
// rules of its own format, and says what a verdict would need that it lacks. It
// verifies no signature and fetches nothing.
package foreign

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/proctor-attest/proctor/attest"
)

const (
	evalResultOld  = "https://b7n0de.com/attestation/eval-result/v0.1"
	evalResultNew  = "https://b7n0de.com/attestation/eval-result/v0.2"
	evalResultSame = "https://in-toto.io/attestation/eval-result/v0.1" // the form of v0.2 under a number of its own
)

var (
	plainDecimal = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)
	hexDigits    = regexp.MustCompile(`^[0-9a-f]+$`)
)

type descriptor struct {
	Digest  map[string]string `json:"digest"`
	Content *string           `json:"content"`
}

type commitment struct {
	Alg    string `json:"alg"`
	Value  string `json:"value"`
	Salted bool   `json:"salted"`
}

type evalResult struct {
	Evaluator   *struct{ ID string }       `json:"evaluator"`
	Verifier    *struct{ ID string }       `json:"verifier"`
	Receipt     json.RawMessage            `json:"receipt"`
	EvaluatedAt string                     `json:"evaluatedAt"`
	Suite       struct{ Name string }      `json:"suite"`
	Commitments map[string]json.RawMessage `json:"commitments"`
	Model       json.RawMessage            `json:"model"`
	Dataset     json.RawMessage            `json:"dataset"`
	Assurance   string                     `json:"assuranceLevel"`
	Evidence    []descriptor               `json:"evidence"`
	Claims      []struct {
		Metric, Comparator string
		Threshold          string
		Passed             *bool
	} `json:"claims"`
	SampleSize *uint64 `json:"sampleSize"`
}

// Lacks says what an in-toto eval-result statement is and lacks; ok is false where
// data is none.
func Lacks(data []byte) (said string, ok bool) {
	var s struct {
		Type          string          `json:"_type"`
		PredicateType string          `json:"predicateType"`
		Subject       []descriptor    `json:"subject"`
		Predicate     json.RawMessage `json:"predicate"`
	}
	if json.Unmarshal(data, &s) != nil || s.Type != attest.StatementType {
		return "", false
	}
	shape := map[string]string{evalResultOld: "the older form", evalResultNew: "the newer form", evalResultSame: "the newer form"}[s.PredicateType]
	if shape == "" {
		return "", false
	}
	what := fmt.Sprintf("an in-toto eval-result statement (%s, %s)", s.PredicateType, shape)
	err := attest.CheckJSON(data)
	var p evalResult
	if err == nil {
		err = json.Unmarshal(s.Predicate, &p)
	}
	if err == nil {
		err = named("subject", s.Subject)
	}
	if err == nil && len(s.Subject) == 0 {
		err = errors.New("no subject")
	}
	if err == nil {
		err = p.check(s.PredicateType == evalResultOld)
	}
	if err != nil {
		return fmt.Sprintf("%s that breaks the rules of its format: %v", what, err), true
	}
	return fmt.Sprintf("%s, well formed, and no evidence pack: it says for %d threshold(s) whether they were reached, by its own word. "+
		"It has no observed score, no items committed one by one, no results to recompute a score from, and no proof of logging; its signature and evidence were not checked", what, len(p.Claims)), true
}

func (p evalResult) check(old bool) error {
	who := p.Evaluator
	if old {
		who = p.Verifier
	} else if p.Verifier != nil || p.Receipt != nil {
		return errors.New("verifier and receipt belong to the older form")
	}
	switch {
	case who == nil || who.ID == "":
		return errors.New("no id of who evaluated")
	case p.EvaluatedAt == "" || p.Suite.Name == "" || p.SampleSize == nil:
		return errors.New("want evaluatedAt, suite and sampleSize")
	case !slices.Contains([]string{"self_attested", "third_party", "reproduced", "enclave_attested"}, p.Assurance):
		return fmt.Errorf("assuranceLevel %q", p.Assurance)
	case len(p.Claims) == 0:
		return errors.New("no claim")
	}
	for _, c := range p.Claims {
		if !slices.Contains([]string{">=", ">", "<=", "<"}, c.Comparator) || !plainDecimal.MatchString(c.Threshold) || c.Passed == nil || c.Metric == "" {
			return fmt.Errorf("claim on %q: want a metric, a comparator, a plain decimal as threshold, and passed", c.Metric)
		}
	}
	if err := p.identity("model", p.Model); err != nil {
		return err
	}
	if err := p.identity("dataset", p.Dataset); err != nil {
		return err
	}
	return named("evidence", p.Evidence)
}

// identity checks that the model, or the data set, is named in exactly one way.
func (p evalResult) identity(name string, public json.RawMessage) error {
	hidden, committed := p.Commitments[name]
	if committed == (public != nil) {
		return fmt.Errorf("want exactly one of %s and commitments.%s", name, name)
	}
	if !committed {
		var d descriptor
		if err := json.Unmarshal(public, &d); err != nil {
			return err
		}
		return named(name, []descriptor{d})
	}
	var c commitment
	if err := json.Unmarshal(hidden, &c); err != nil {
		return err
	}
	if !c.Salted || c.Alg == "" || !hexDigits.MatchString(c.Value) {
		return fmt.Errorf("commitments.%s: want alg, a value in hexadecimal, and salted: true", name)
	}
	return nil
}

// named checks that every descriptor has a digest, and that it is of what it carries.
func named(name string, all []descriptor) error {
	for _, d := range all {
		if len(d.Digest) == 0 {
			return fmt.Errorf("%s without a digest", name)
		}
		want, hasSum := d.Digest["sha256"]
		if d.Content == nil || !hasSum {
			continue
		}
		content, err := base64.StdEncoding.DecodeString(*d.Content)
		if err != nil {
			return fmt.Errorf("content of %s: %w", name, err)
		}
		if sum := sha256.Sum256(content); !bytes.Equal([]byte(hex.EncodeToString(sum[:])), []byte(want)) {
			return fmt.Errorf("content of %s is not what its digest says", name)
		}
	}
	return nil
}
