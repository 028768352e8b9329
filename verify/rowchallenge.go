package verify

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/verify/challenge"
)

const (
	challengeWithin = 7 * 24 * time.Hour  // of the result (PROTOCOL §6)
	answerWithin    = 60 * 24 * time.Hour // likewise
)

// checkChallenge asks whether the evaluator opened the leaves of its result that a later
// beacon round drew, and whether somebody independent graded them alike.
func (r *rowJudge) checkChallenge(rows []run.Row) []Check {
	const answered, audited = "challenge/answered", "audit/challenge"
	if r.result.Challenge == nil {
		return []Check{
			{Name: answered, State: NotApplicable, Detail: "the evaluator submitted to no challenge"},
			{Name: audited, State: NotApplicable, Detail: "no leaf was challenged"},
		}
	}
	a := r.judgeAnswer(r.result.Challenge, rows)
	graded := Check{Detail: "no answer to grade"}
	if a.check.State == Proven {
		graded = r.judgeGraded(a, rows)
	}
	a.check.Name, graded.Name = answered, audited
	return []Check{a.check, graded}
}

// answer is what became of a challenge.
type answer struct {
	check   Check
	plan    *challenge.Plan
	opening attest.Hash // that answers it, where the check is proven
}

func (r *rowJudge) judgeAnswer(terms *attest.Challenge, rows []run.Row) answer {
	round := r.beaconRound(terms.Beacon())
	if round.why != "" {
		return answer{check: Check{Detail: "the round that draws the leaves is not known: " + round.why}}
	}
	answerBy, err := time.Parse(time.RFC3339, terms.AnswerBy)
	if err != nil {
		return answer{check: Check{Detail: "its deadline is no time: " + terms.AnswerBy}}
	}
	if why := r.challengeDiscounted(terms, round.Time, answerBy); why != "" {
		return answer{check: Check{Detail: why}}
	}
	if len(rows) == 0 {
		return answer{check: Check{Detail: "the rows are not in the pack"}}
	}
	plan, err := challenge.NewPlan(r.resultSt.Statement.ID, terms.Chain, round.Round, rows, r.registration.Metric, terms.K)
	if err != nil {
		return answer{check: Check{Detail: err.Error()}}
	}
	return r.findAnswer(plan, rows, answerBy)
}

// challengeDiscounted says why a challenge does not count: its round has to come after
// the result, soon enough that it is the one that was meant.
func (r *rowJudge) challengeDiscounted(terms *attest.Challenge, due, answerBy time.Time) string {
	reported, state := r.bound(r.resultSt, r.parties(r.resultSt))
	switch {
	case state != Proven:
		return "nothing independent shows when the result was logged"
	case due.Before(reported.Add(r.policy.Margin)):
		return fmt.Sprintf("round %d was due at %s, and the result was logged by %s: less than %s later, the leaves may have been known", terms.Round, stamp(due), stamp(reported), r.policy.Margin)
	case due.After(reported.Add(challengeWithin)):
		return fmt.Sprintf("round %d was due at %s, more than 7 days after the result was logged by %s", terms.Round, stamp(due), stamp(reported))
	case answerBy.After(reported.Add(answerWithin + r.policy.Skew)):
		return fmt.Sprintf("answers are due by %s, more than 60 days after the result was logged by %s", stamp(answerBy), stamp(reported))
	}
	return ""
}

// findAnswer looks for the evaluator's opening of all leaves of a plan, by the deadline.
func (r *rowJudge) findAnswer(plan *challenge.Plan, rows []run.Row, answerBy time.Time) answer {
	why, unread := "no opening of them is in the pack", false
	for _, s := range ofKind[*attest.Opening](r.judge) {
		p := s.Statement.Predicate.(*attest.Opening).Answers
		if p == nil || p.Result != r.resultSt.Statement.ID || s.key == nil || s.issuer() != r.registration.Evaluator {
			continue
		}
		at, state := r.bound(s, r.parties(s))
		late := at.After(answerBy.Add(r.policy.Skew))
		switch err := r.checkAnswer(plan, rows, p); {
		case errors.Is(err, errUnread):
			why, unread = err.Error(), unread || state == Proven && !late
		case isMismatch(err):
			return answer{check: Check{State: Contradicted, Evidence: []attest.Hash{s.Statement.ID}, Detail: err.Error()}}
		case err != nil:
			why = err.Error()
		case state != Proven:
			why = "they were opened; nothing independent shows when"
		case late:
			why = fmt.Sprintf("they were opened by %s, and due by %s", stamp(at), stamp(answerBy))
		case r.withdrawn(s):
			why = "their opening was withdrawn"
		default:
			detail := fmt.Sprintf("%d leaves that a beacon drew were opened by %s: they are what the result commits to", len(plan.Open), stamp(at))
			return answer{Check{State: Proven, Evidence: []attest.Hash{s.Statement.ID}, Detail: detail}, plan, s.Statement.ID}
		}
	}
	k := r.everywhere(statementsOf(r.registration.Evaluator), r.registration.Evaluator)
	if !unread && k.why == "" && k.asOf.After(answerBy.Add(r.policy.Skew)) {
		return answer{check: Check{State: Contradicted, Want: "by " + stamp(answerBy), Got: "nothing, as of " + stamp(k.asOf),
			Detail: fmt.Sprintf("the challenge FAILED: %d leaves were to be opened, and %s", len(plan.Open), why)}}
	}
	return answer{check: Check{Detail: fmt.Sprintf("%d leaves are to be opened by %s: %s", len(plan.Open), stamp(answerBy), why)}}
}

func isMismatch(err error) bool {
	var m *run.MismatchError
	return errors.As(err, &m)
}

// errUnread is of an opening that may be an answer.
var errUnread = errors.New("an opening cannot be checked")

// checkAnswer holds an opening against the result's rows and the plan. What it says of a
// leaf that the tree does not hold is a *run.MismatchError.
func (r *rowJudge) checkAnswer(plan *challenge.Plan, rows []run.Row, p *attest.OpenedAnswers) error {
	if p.RunID != r.result.RunID || p.Leaves != r.result.Leaves || p.Root != r.result.Root {
		return errors.New("an opening names another tree than the result's")
	}
	data := r.artifact(p.Opening)
	switch {
	case data == nil && p.Encrypted != nil:
		return fmt.Errorf("%w: those alone who hold its keys can read it", errUnread)
	case data == nil:
		return fmt.Errorf("%w: its digest alone is in the pack", errUnread)
	}
	opened := map[uint64]bool{}
	tree := run.Tree{RunID: p.RunID, Size: p.Leaves, Root: p.Root}
	n, err := run.ScanOpening(bytes.NewReader(data), tree, func(l run.OpenedLeaf) error {
		if l.Index >= uint64(len(rows)) || l.Row != rows[l.Index] {
			return &run.MismatchError{Index: l.Index, Reason: "is another than in the result's rows"}
		}
		_, excluded := l.Row.Excluded()
		opened[l.Index] = excluded && l.Row.Response.IsZero() || l.Fields[run.FieldResponse] != nil
		return nil
	})
	if err != nil {
		return err
	}
	if n != p.Opened {
		return fmt.Errorf("an opening of %d leaves says that it opens %d", n, p.Opened)
	}
	closed := 0
	for _, at := range plan.Open {
		if !opened[at] {
			closed++
		}
	}
	if closed > 0 {
		return fmt.Errorf("an opening leaves %d of the %d drawn leaves closed", closed, len(plan.Open))
	}
	return nil
}
