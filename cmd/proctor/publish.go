package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/proctor-attest/proctor/attest"
)

const yesVariable = "PROCTOR_YES"

func yesFlag() cli.Flag {
	return &cli.BoolFlag{Name: "yes", Usage: "do not ask before the first entry of a ledger (or set " + yesVariable + "=1)"}
}

func dryRunFlag() cli.Flag {
	return &cli.BoolFlag{Name: "dry-run", Usage: "print the statement, and sign and log nothing"}
}

// errDryRun ends a command that was asked to change nothing.
var errDryRun = errors.New("dry run")

// becomesPublic says what everybody can see of a statement for ever.
func becomesPublic(p attest.Predicate) string {
	switch p := p.(type) {
	case *attest.Testset:
		return "how many items there are, the names of their fields, later versions, and the grade\nof every item in every result"
	case *attest.Model:
		if p.Model.Kind == attest.ModelSealed {
			return "that you committed to a model, and the name that you gave it; not which it is"
		}
		return "the model's name and what identifies it"
	case *attest.Grant:
		return "who holds which of your items, what for, and who paid"
	case *attest.Opening:
		if p.Answers != nil {
			return openedAnswersPublic(p.Answers)
		}
		if p.OpenedItems == nil {
			return "these members of the run's configuration"
		}
		if p.Encrypted != nil {
			return "how many items you opened, and to whom; the items to those alone"
		}
		return "these items, for ever, whatever else you log"
	case *attest.Audit:
		if p.Match != nil {
			return "what you found where the release says that its model is, when, and what you read of it"
		}
		if p.Challenge != nil {
			return "which grades you gave to the answers that were drawn, and how"
		}
		return "which grades you changed, why, and the score that follows"
	case *attest.Registration:
		if p.Items != nil {
			return "which model is run on which items of which test set, by index, by whom, how, and when\nthe result is due"
		}
		return "which model is run on which test set, by whom, how, and when the result is due"
	case *attest.Result:
		if p.Outcome != nil && p.Challenge != nil {
			return "the grade of every item, the score that follows, and that you will open what a beacon draws"
		}
		return "the grade of every item, and the score that follows"
	}
	return "all of it"
}

func openedAnswersPublic(p *attest.OpenedAnswers) string {
	if p.Encrypted != nil {
		return "how many answers you opened, and to whom; the answers to those alone"
	}
	return "these answers, with their traces where there are any, for ever"
}

// confirm asks before the first entry of a ledger. Where there is nobody to ask, it
// wants to be told beforehand.
func (e *env) confirm(c *cli.Context, p attest.Predicate) error {
	if c.Bool("yes") || os.Getenv(yesVariable) == "1" {
		return nil
	}
	const forever = "this is the first entry of your ledger, and a log is for ever: entries are withdrawn, never removed"
	f, ok := e.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return withHint(errors.New(forever+"; nobody can be asked here"),
			"--dry-run shows what would be logged; --yes, or "+yesVariable+"=1, says that you mean it")
	}
	fmt.Fprintf(e.stderr, "%s.\nPublic from then on: %s.\nLog it? [y/N] ", forever, becomesPublic(p))
	answer, err := bufio.NewReader(f).ReadString('\n')
	if err != nil {
		return err
	}
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return errors.New("not confirmed: nothing was signed or logged")
	}
	return nil
}

// secretDir is where a statement's secrets go: into the home or, where nothing shall
// be changed, into a place that done removes.
func (h *home) secretDir(c *cli.Context, kind string, id attest.Hash) (dir string, done func(), err error) {
	if !c.Bool("dry-run") {
		return h.path(kind, id.String()), func() {}, nil
	}
	tmp, err := os.MkdirTemp("", "proctor-dry-run-")
	return filepath.Join(tmp, id.String()), func() { os.RemoveAll(tmp) }, err
}

// clear removes secrets that a killed command left. They belong to no statement,
// and under the lock to no other command.
func (s *issuing) clear(secrets string) error {
	if s.lock == nil {
		return nil
	}
	return os.RemoveAll(secrets)
}

// show prints the statement that would be signed.
func (s *issuing) show(p attest.Predicate) error {
	st, err := s.next(p)
	if err != nil {
		return err
	}
	body, err := json.MarshalIndent(st.Predicate, "", "  ")
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(s.env.stdout, "%s %s\n%s\n", st.Kind(), st.ID, body); err != nil {
		return err
	}
	fmt.Fprintln(s.env.stderr, "dry run: nothing was signed or logged")
	return errDryRun
}
