package export

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/proctor-attest/proctor/attest"
)

// Source is the pack that rows come from, and what a format wants to know that no
// pack states.
type Source struct {
	Pack    attest.Hash // SHA-256 of the file
	URL     string      // where the pack is published
	Dataset string      // id on the Hugging Face Hub
	Task    string
	Now     time.Time

	// Of an eval-result statement.
	Thresholds    []string // ">=0.85", in the metric's own unit
	EvaluatedAt   string   // RFC 3339
	Assurance     string   // of AssuranceLevels
	PredicateType string   // of EvalResultTypes
}

// EEE is the aggregate file of Every Eval Ever 0.3.0.
func EEE(rows []Row, s Source) ([]byte, error) {
	first := rows[0].Registration
	results := make([]any, len(rows))
	for i, r := range rows {
		g := r.Registration
		if g.Model != first.Model || g.Evaluator != first.Evaluator || r.Harness != rows[0].Harness || r.Relation != rows[0].Relation {
			return nil, fmt.Errorf("rows %q and %q are of two models, evaluators or harnesses, and a file is of one: choose with --row", rows[0].Label, r.Label)
		}
		value, err := r.Value()
		if err != nil {
			return nil, err
		}
		details := map[string]string{"exact": r.Exact, "note": r.Note(s.Pack)}
		if r.Published != "" {
			details["published"], details["published_scale"] = r.Published, r.Scale
		}
		results[i] = map[string]any{
			"evaluation_result_id": r.Result.String(),
			"evaluation_name":      r.Label,
			"source_data": map[string]any{
				"dataset_name": g.TestsetName, "source_type": "other",
				"additional_details": map[string]string{"proctor_testset_root": g.Testset.Root.String()},
			},
			"metric_config": map[string]any{
				"metric_name": g.Metric.Name, "lower_is_better": g.Metric.Better == "lower", "score_type": "continuous",
				"min_score": json.Number(g.Metric.Min), "max_score": json.Number(g.Metric.Max),
			},
			"score_details": map[string]any{
				"score": json.Number(value), "details": details,
			},
		}
	}
	relation := "other" // two issuers may still be one house
	switch {
	case first.Retroactive: // an auditor commits to models of others
	case first.Evaluator == first.Lab || rows[0].Relation == "first-party":
		relation = "first_party"
	case rows[0].Relation == "independent":
		relation = "third_party"
	}
	pack := map[string]string{"pack_sha256": s.Pack.String()}
	if s.URL != "" {
		pack["pack_url"] = s.URL
	}
	created := strconv.FormatInt(s.Now.Unix(), 10)
	return indented(map[string]any{
		"schema_version":      "0.3.0",
		"evaluation_id":       first.TestsetName + "/" + first.ModelName + "/" + created,
		"retrieved_timestamp": created,
		"source_metadata": map[string]any{
			"source_name": "Proctor evidence pack", "source_type": "evaluation_run",
			"source_organization_name": first.Evaluator, "evaluator_relationship": relation,
			"additional_details": pack,
		},
		"eval_library": map[string]string{"name": cmp.Or(rows[0].Harness.Name, unknown), "version": cmp.Or(rows[0].Harness.Version, unknown)},
		"model_info": map[string]any{
			"name": first.ModelName, "id": first.ModelName,
			"additional_details": map[string]string{
				"deployment_type": "unknown", "model_availability": "unknown", "proctor_model_issuer": first.Lab,
				"proctor_model_" + first.Model.Kind: first.Model.ID.String(),
			},
		},
		"evaluation_results": results,
	})
}

// EvalResults is a file for a model repository's .eval_results folder on Hugging Face.
func EvalResults(rows []Row, s Source) ([]byte, error) {
	if s.Dataset == "" || s.Task == "" {
		return nil, errors.New("the format wants the Hub's names, which no pack states: give --dataset and --task")
	}
	if len(rows) != 1 {
		return nil, fmt.Errorf("%d rows, and --task names one: choose with --row", len(rows))
	}
	r := rows[0]
	value := r.Published
	if value == "" {
		var err error
		if value, err = r.Value(); err != nil {
			return nil, err
		}
	}
	var b bytes.Buffer
	// What strconv quotes in ASCII is a double-quoted scalar of YAML too.
	fmt.Fprintf(&b, "- dataset:\n    id: %s\n    task_id: %s\n  value: %s\n", strconv.QuoteToASCII(s.Dataset), strconv.QuoteToASCII(s.Task), value)
	if s.URL != "" {
		fmt.Fprintf(&b, "  source:\n    url: %s\n    name: \"Proctor evidence pack\"\n", strconv.QuoteToASCII(s.URL))
	}
	fmt.Fprintf(&b, "  notes: %s\n", strconv.QuoteToASCII(r.Note(s.Pack)))
	return b.Bytes(), nil
}

// CycloneDX is a bill of materials 1.6 with a component for each row's model.
func CycloneDX(rows []Row, s Source) ([]byte, error) {
	components := make([]any, len(rows))
	for i, r := range rows {
		g := r.Registration
		value, err := r.Value()
		if err != nil {
			return nil, err
		}
		components[i] = map[string]any{
			"type": "machine-learning-model", "name": g.ModelName, "bom-ref": fmt.Sprintf("row-%d", i),
			"modelCard": map[string]any{"quantitativeAnalysis": map[string]any{
				"performanceMetrics": []any{map[string]any{"type": g.Metric.Name, "value": value, "slice": r.Label}},
			}},
			"properties": []any{
				map[string]string{"name": "proctor:model:" + g.Model.Kind, "value": g.Model.ID.String()},
				map[string]string{"name": "proctor:testset:root", "value": g.Testset.Root.String()},
				map[string]string{"name": "proctor:note", "value": r.Note(s.Pack)},
			},
		}
	}
	return indented(map[string]any{"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": components})
}

func indented(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}
