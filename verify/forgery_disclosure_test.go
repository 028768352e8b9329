package verify

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/attest/testset"
)

// disclosureForgeries lie in what is disclosed after a run: items, and grades given
// anew.
func disclosureForgeries() []forgery {
	opens := hooks{afterResult: func(w *world) { w.open(nil) }}
	regrades := hooks{policy: knows(auditor, "auditor"), afterResult: func(w *world) { w.regrade(auditor, 1, "1", "2/3") }}
	return []forgery{
		{
			name: "opened-otherwise", what: "the owner opens an item as another than it committed to",
			expect: "contradicted testset/openings", base: opens,
			hooks: hooks{afterResult: func(w *world) {
				w.open(func(text string) string { return openedAnswer.ReplaceAllString(text, `"answer":{"bytes":"IjQyIg=="`) })
			}},
		},
		{
			name: "opened-at-another-index", what: "the owner opens an item in the place of another",
			expect: "contradicted testset/openings", base: opens,
			hooks: hooks{afterResult: func(w *world) {
				w.open(func(text string) string { return strings.Replace(text, `"index":4`, `"index":5`, 1) })
			}},
		},
		{
			name: "opened-in-part", what: "the owner says that it opens answers, and keeps them closed",
			expect: "contradicted testset/openings", base: opens,
			hooks: hooks{afterResult: func(w *world) {
				w.openFields([]string{"id", "question"}, nil)
			}},
		},
		{
			name: "opened-two-ways", what: "an opened item has two members of one name, and means what the reader likes",
			expect: "contradicted testset/openings", base: hooks{testset: commitTwoWays(`{"a":1,"b":2}`), afterResult: openTwoWays(`{"a":1,"b":2}`)},
			hooks: hooks{testset: commitTwoWays(`{"a":1,"a":2}`), afterResult: openTwoWays(`{"a":1,"a":2}`)},
		},
		{
			name: "private-member", what: "the evaluator kept its system prompt private, and opens another one",
			expect: "contradicted identity/configuration", base: privatePrompt(`"Be brief."`), hooks: privatePrompt(`"Be fair."`),
		},
		{
			name: "opened-before", what: "the owner had opened items to everybody before it granted them for the run",
			expect: "missing order/run-later", base: later(func(*hooks) {}),
			hooks: later(func(h *hooks) {
				h.early = func(w *world, _, _ *attest.Entry) { w.open(nil) }
				h.result = func(w *world, p *attest.Result) { p.NotBefore = w.round(started.Add(210 * time.Minute)) }
			}),
			also: []string{"testset/openings"},
		},
		{
			name: "regraded", what: "an auditor graded an answer anew, and the lab publishes the score from before",
			expect: "contradicted audit/regrade", base: with(regrades, func(h *hooks) {
				h.afterResult = func(w *world) { w.regrade(auditor, 0, "1", "2/3") }
			}),
			hooks: with(regrades, func(h *hooks) {
				h.afterResult = func(w *world) { w.regrade(auditor, 0, "0", "1/2") }
			}),
		},
	}
}

var openedAnswer = regexp.MustCompile(`"answer":\{"bytes":"[^"]*"`)

const auditor = "https://auditor.example"

// privatePrompt is a run whose system prompt is committed to, and opened as this.
func privatePrompt(opened string) hooks {
	salt := attest.Hash{8, 8, 8}
	return hooks{
		configure: func(c map[string]any) {
			c["systemPrompt"] = map[string]any{"commitment": attest.CommitField(salt, "systemPrompt", []byte(`"Be brief."`))}
		},
		afterResult: func(w *world) {
			id := w.chains[evaluator][0].Statement.ID
			w.issue(evaluator, &attest.Opening{
				Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleRegistration, ID: id}}},
				Configuration: &attest.OpenedConfiguration{RunID: id, Members: map[string]attest.OpenedValue{
					"systemPrompt": {Salt: salt, Bytes: []byte(opened)},
				}},
			})
		},
	}
}

// open has the owner open two items to everybody; change makes another file of it.
func (w *world) open(change func(string) string) {
	w.t.Helper()
	w.openFields(nil, change)
}

// openFields opens fewer fields than the statement says; nil opens all.
func (w *world) openFields(fields []string, change func(string) string) {
	w.t.Helper()
	store := w.store()
	defer store.Close()
	var b bytes.Buffer
	w.must(store.Open(w.t.Context(), &b, []uint64{1, 4}, fields))
	text := b.String()
	if change != nil {
		text = change(text)
	}
	w.issueOpening(text, 2, w.version.Fields)
}

func (w *world) issueOpening(text string, items uint64, fields []string) {
	set := w.chains[owner][0]
	p := set.Statement.Predicate.(*attest.Testset)
	w.issue(owner, &attest.Opening{
		Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleTestset, ID: set.Statement.ID}}},
		OpenedItems: &attest.OpenedItems{
			SetID: p.SetID, Name: p.Name, Version: p.Version, Opened: items, Fields: fields,
			Opening: w.pack.AddArtifact([]byte(text), testset.OpeningMediaType, "sums.opening.jsonl"),
		},
	})
}

// commitTwoWays has the owner commit to an item whose only field holds these bytes,
// in the place of item 1.
func commitTwoWays(value string) func(*world, *attest.Testset) {
	return func(w *world, p *attest.Testset) {
		w.version.Leaves = append([]attest.Hash(nil), w.version.Leaves...)
		w.version.Leaves[1] = testset.ItemLeaf(twoWays(w, value))
		p.Version.Root = attest.Root(w.version.Leaves)
		p.Skeleton = w.pack.AddArtifact(testset.FormatSkeleton(w.version.Leaves), p.Skeleton.MediaType, p.Skeleton.Name)
	}
}

func twoWays(w *world, value string) []attest.Hash {
	commitments := make([]attest.Hash, len(w.version.Fields))
	for i, f := range w.version.Fields {
		commitments[i] = attest.CommitField(attest.Hash{byte(i)}, f, []byte(value))
	}
	return commitments
}

func openTwoWays(value string) func(*world) {
	return func(w *world) {
		tree := attest.NewTree(w.version.Leaves)
		proof, err := tree.ProveOpening([]uint64{1})
		w.must(err)
		var commitments, fields []string
		for i, c := range twoWays(w, value) {
			commitments = append(commitments, fmt.Sprintf("%q", c))
			fields = append(fields, fmt.Sprintf("%q:{\"bytes\":%q,\"salt\":%q}", w.version.Fields[i], base64.StdEncoding.EncodeToString([]byte(value)), attest.Hash{byte(i)}))
		}
		slices.Sort(fields)
		text := fmt.Sprintf("{\"fields\":[\"%s\"],\"opened\":1,\"proof\":%q,\"root\":%q,\"setID\":%q,\"size\":%d}\n{\"commitments\":[%s],\"fields\":{%s},\"index\":1,\"key\":\"q\",\"rev\":0}\n",
			strings.Join(w.version.Fields, `","`), base64.StdEncoding.EncodeToString(testset.FormatSkeleton(proof)), tree.Root(), w.version.ID, w.version.Size,
			strings.Join(commitments, ","), strings.Join(fields, ","))
		w.issueOpening(text, 1, w.version.Fields)
	}
}

// regrade has an auditor give the answer to an item another grade, and say what score
// follows.
func (w *world) regrade(issuer string, item int, grade, score string) {
	result := w.chains[evaluator][1]
	changed := uint64(0)
	if w.rows[item].Grade != grade {
		changed = 1
	}
	rows := run.FormatRows([]run.Row{{Item: w.rows[item].Item, Grade: grade}})
	w.issue(issuer, &attest.Audit{
		Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleResult, ID: result.Statement.ID}}},
		What:   attest.AuditRegrade, Result: result.Statement.ID, Method: "read again by two people",
		Regrade: &attest.Regrade{Rows: w.pack.AddArtifact(rows, "application/vnd.proctor.regrades+jsonl", "regrades.jsonl"), Checked: 1, Changed: changed, Score: score},
	})
}
