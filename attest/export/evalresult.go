package export

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/proctor-attest/proctor/attest"
)

// EvalResultTypes are the predicate types under which the current form of eval-result
// (https://github.com/in-toto/attestation/pull/575) goes: the proposed one, and that of
// its author's tools.
var EvalResultTypes = []string{"https://in-toto.io/attestation/eval-result/v0.1", "https://b7n0de.com/attestation/eval-result/v0.2"}

// AssuranceLevels are what an eval-result can say of who vouches for it.
var AssuranceLevels = []string{"self_attested", "third_party", "reproduced", "enclave_attested"}

type evalStatement struct {
	Type          string        `json:"_type"`
	Subject       []descriptor  `json:"subject"`
	PredicateType string        `json:"predicateType"`
	Predicate     evalPredicate `json:"predicate"`
}

type evalPredicate struct {
	Evaluator       map[string]string     `json:"evaluator"`
	EvaluatedAt     string                `json:"evaluatedAt"`
	Suite           map[string]string     `json:"suite"`
	Claims          []evalClaim           `json:"claims"`
	SampleSize      uint64                `json:"sampleSize"`
	Commitments     map[string]commitment `json:"commitments"`
	Model           *descriptor           `json:"model,omitempty"`
	AssuranceLevel  string                `json:"assuranceLevel"`
	SubjectProfile  string                `json:"subjectProfile"`
	PreRegistration map[string]string     `json:"preRegistration,omitempty"`
	Evidence        []descriptor          `json:"evidence"`
	Harness         map[string]string     `json:"harness,omitempty"`
}

type evalClaim struct {
	Metric     string `json:"metric"`
	Comparator string `json:"comparator"`
	Threshold  string `json:"threshold"`
	Passed     bool   `json:"passed"`
}

type commitment struct {
	Alg    string `json:"alg"`
	Value  string `json:"value"`
	Salted bool   `json:"salted"`
}

type descriptor struct {
	Name      string            `json:"name"`
	URI       string            `json:"uri,omitempty"`
	Digest    map[string]string `json:"digest"`
	MediaType string            `json:"mediaType,omitempty"`
}

// EvalResult is an unsigned in-toto statement that a row reached thresholds or did
// not, by its exact score.
func EvalResult(rows []Row, s Source) ([]byte, error) {
	if len(s.Thresholds) == 0 || s.EvaluatedAt == "" {
		return nil, errors.New("the format wants what no pack states: give --threshold and --evaluated-at")
	}
	if len(rows) != 1 {
		return nil, fmt.Errorf("%d rows, and a statement is of one: choose with --row", len(rows))
	}
	if err := s.checkEvalResult(); err != nil {
		return nil, err
	}
	r := rows[0]
	g := r.Registration
	claims, err := r.claims(s.Thresholds)
	if err != nil {
		return nil, err
	}
	pack := descriptor{Name: "evidence pack", URI: s.URL, Digest: map[string]string{"sha256": s.Pack.String()}, MediaType: "application/zip"}
	p := evalPredicate{
		Evaluator: map[string]string{"id": g.Evaluator}, EvaluatedAt: s.EvaluatedAt,
		Suite:  map[string]string{"name": g.TestsetName, "version": g.Testset.Root.String()},
		Claims: claims, SampleSize: r.Leaves,
		Commitments:    map[string]commitment{"dataset": {"proctor-testset-v1", g.Testset.Root.String(), true}},
		AssuranceLevel: s.Assurance, SubjectProfile: "receipt", Evidence: []descriptor{pack},
	}
	subject := pack
	model := descriptor{Name: g.ModelName, Digest: map[string]string{"proctorModel": g.Model.ID.String()}}
	switch g.Model.Kind {
	case attest.ModelSealed:
		p.Commitments["model"] = commitment{"proctor-sealed-model-v1", g.Model.ID.String(), true}
	case attest.ModelWeights:
		p.Model, p.SubjectProfile, subject = &model, "public-model", model
	default:
		p.Model = &model // the digest of a name: no artifact that a statement could be about
	}
	if !g.Retroactive { // else nothing was announced
		sum := sha256.Sum256(r.Announced)
		p.PreRegistration = map[string]string{"alg": "sha256", "value": attest.Hash(sum).String()}
	}
	if r.Harness.Name != "" {
		p.Harness = map[string]string{"name": r.Harness.Name}
		if r.Harness.Version != "" {
			p.Harness["version"] = r.Harness.Version
		}
	}
	return indented(evalStatement{attest.StatementType, []descriptor{subject}, s.PredicateType, p})
}

func (s Source) checkEvalResult() error {
	at, err := time.Parse(time.RFC3339, s.EvaluatedAt)
	switch {
	case err != nil:
		return fmt.Errorf("--evaluated-at %q: want a time such as 2026-12-24T18:00:00Z", s.EvaluatedAt)
	case at.After(s.Now):
		return fmt.Errorf("--evaluated-at %s is not over yet", s.EvaluatedAt)
	case !slices.Contains(AssuranceLevels, s.Assurance):
		return fmt.Errorf("--assurance %q: want one of %s", s.Assurance, strings.Join(AssuranceLevels, ", "))
	case !slices.Contains(EvalResultTypes, s.PredicateType):
		return fmt.Errorf("--type %q: want one of %s", s.PredicateType, strings.Join(EvalResultTypes, ", "))
	}
	return nil
}

var threshold = regexp.MustCompile(`^(>=|>|<=|<) *(-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,17})?)$`)

// claims holds thresholds, in the metric's own unit, against the exact score.
func (r Row) claims(thresholds []string) ([]evalClaim, error) {
	exact, ok := new(big.Rat).SetString(r.Exact)
	if !ok {
		return nil, fmt.Errorf("row %q: %q is no fraction", r.Label, r.Exact)
	}
	claims := make([]evalClaim, len(thresholds))
	for i, text := range thresholds {
		m := threshold.FindStringSubmatch(strings.TrimSpace(text))
		if m == nil {
			return nil, fmt.Errorf(`--threshold %q: want a comparison such as ">=0.85", in the metric's own unit`, text)
		}
		bound, ok := new(big.Rat).SetString(m[2])
		if !ok {
			return nil, fmt.Errorf("--threshold %q: no number", text)
		}
		c := exact.Cmp(bound)
		passed := map[string]bool{">=": c >= 0, ">": c > 0, "<=": c <= 0, "<": c < 0}[m[1]]
		claims[i] = evalClaim{r.Registration.Metric.Name, m[1], m[2], passed}
	}
	return claims, nil
}

// Harness is what a run's configuration names as the harness.
type Harness struct{ Name, Version string }

// readHarness takes the harness from a configuration; none where it is unknown or
// private.
func readHarness(doc []byte) (h Harness, relation string) {
	var c struct {
		Harness  json.RawMessage `json:"harness"`
		Relation string          `json:"relation"`
	}
	if json.Unmarshal(doc, &c) != nil {
		return h, ""
	}
	var named struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	if json.Unmarshal(c.Harness, &named) != nil {
		var name string
		if json.Unmarshal(c.Harness, &name) == nil {
			named.Name = name
		}
	}
	if named.Name == unknown || named.Name == "n/a" {
		return h, c.Relation
	}
	if named.Version == unknown {
		named.Version = ""
	}
	return Harness{named.Name, named.Version}, c.Relation
}
