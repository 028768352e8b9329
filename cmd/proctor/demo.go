package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/verify/challenge/localbeacon"
)

// demo plays every party in a folder of its own. They are simulated: one process
// knows all their secrets, and the beacon is its own.
type demo struct {
	*env
	dir    string // absolute
	beacon string // URL of the local beacon's chain
	ago    time.Duration
}

// now is the story's clock: it began days ago and ends when it is told.
func (d *demo) now() time.Time { return d.env.now().Add(-d.ago) }

const demoPassword = "demo"

// demoActs are the acts of the demo, in their order.
func demoActs() []func(*demo) error {
	return []func(*demo) error{(*demo).setUp, (*demo).mainJob, (*demo).freshHeads, (*demo).verdict, (*demo).tamper, (*demo).manyRuns}
}

func (e *env) runDemo(keep string, acts []func(*demo) error) (err error) {
	d := &demo{env: e, ago: 72 * time.Hour}
	start, err := os.Getwd()
	if err != nil {
		return err
	}
	if d.dir, err = demoDir(keep); err != nil {
		return err
	}
	if keep == "" {
		defer os.RemoveAll(d.dir)
	}
	defer func() { err = errors.Join(err, os.Chdir(start)) }()
	restore := setEnv(map[string]string{passwordVariable: demoPassword, "PROCTOR_HOME": ""})
	defer restore()
	stop, err := d.serveBeacon()
	if err != nil {
		return err
	}
	defer stop()
	d.say("Owner, lab, evaluator and witness are simulated in four homes below\n%s; each would run its commands on a machine of its own,\nand the three days that pass are simulated too.", d.dir)
	for _, act := range acts {
		if err := act(d); err != nil {
			return err
		}
	}
	d.say("\nSix tamperings were caught, and the runs kept back were counted. Your turn:\n\"proctor init --issuer https://you.example\" makes a home, \"proctor help levels\" says what\na verdict means.")
	if keep != "" {
		d.say("Everything is left in %s.", d.dir)
	} else {
		d.say("\"proctor demo --keep DIR\" leaves everything for you to look at.")
	}
	return nil
}

func demoDir(keep string) (string, error) {
	if keep == "" {
		return os.MkdirTemp("", "proctor-demo-")
	}
	if err := os.Mkdir(keep, 0o755); err != nil {
		return "", err
	}
	return filepath.Abs(keep)
}

func setEnv(values map[string]string) (restore func()) {
	before := map[string]string{}
	for name, value := range values {
		before[name] = os.Getenv(name)
		os.Setenv(name, value)
	}
	return func() {
		for name, value := range before {
			os.Setenv(name, value)
		}
	}
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.stdout, format+"\n", args...) }

// step runs one ordinary command in a party's folder and shows it.
func (d *demo) step(party, command string) error {
	_, err := d.show(party, command, exitOK, d.stdout)
	return err
}

// show returns what the command said on stderr.
func (d *demo) show(party, command string, want int, answer io.Writer) (string, error) {
	if err := os.Chdir(filepath.Join(d.dir, party)); err != nil {
		return "", err
	}
	words := splitWords(command)
	d.say("\n%s$ %s", party, command)
	var trouble bytes.Buffer
	e := &env{ctx: d.ctx, stdin: bytes.NewReader(nil), stdout: answer, stderr: &trouble, now: d.now}
	if code := e.run(words); code != want {
		return "", fmt.Errorf("demo: %s: exit code %d, want %d\n%s", command, code, want, trouble.String())
	}
	return trouble.String(), nil
}

// splitWords splits a command line as the demo writes it: words, or text in
// double quotes.
func splitWords(command string) []string {
	var words []string
	for i, part := range strings.Split(command, `"`) {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}

func (d *demo) serveBeacon() (stop func(), err error) {
	seed := make([]byte, 32)
	if _, err := rand.Read(seed); err != nil {
		return nil, err
	}
	b, err := localbeacon.New(seed, "demo", 3, d.now().Add(-time.Hour))
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: b.Handler(d.now), ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(l)
	d.beacon = fmt.Sprintf("http://%s/%s", l.Addr(), b.Public().Chain)
	return func() { server.Close() }, nil
}

func (d *demo) setUp() error {
	for _, party := range []string{"owner", "lab", "evaluator", "witness", "reader"} {
		if err := os.Mkdir(filepath.Join(d.dir, party), 0o755); err != nil {
			return err
		}
	}
	if err := d.writeSamples(); err != nil {
		return err
	}
	d.say("\n1. Each party makes a home. The witness agrees to watch the three ledgers.")
	if err := d.step("witness", "proctor init --issuer https://witness.example"); err != nil {
		return err
	}
	for _, party := range []string{"owner", "lab", "evaluator"} {
		if err := d.step(party, "proctor init --issuer https://"+party+".example --witness ../witness/.proctor/witness"); err != nil {
			return err
		}
	}
	for _, party := range []string{"owner", "lab", "evaluator"} {
		if err := d.step("witness", "proctor ledger witness add ../"+party+"/.proctor/keys/ledger.pub"); err != nil {
			return err
		}
	}
	return nil
}

// play runs steps of party and command. A step without a party is narration; a
// command of the form "+24h" lets time pass.
func (d *demo) play(steps [][2]string) error {
	for _, s := range steps {
		if s[0] != "" {
			if err := d.step(s[0], s[1]); err != nil {
				return err
			}
		} else if passed, err := time.ParseDuration(s[1]); err == nil {
			d.ago -= passed
		} else {
			d.say("\n%s", s[1])
		}
	}
	return nil
}

func (d *demo) mainJob() error {
	return d.play([][2]string{
		{"", "2. Before anything runs, the owner commits to the items and the lab to the weights.\n   The lab keeps its model sealed."},
		{"owner", "proctor commit testset items.jsonl --name arithmetic --key id --yes"},
		{"lab", "proctor commit model model --name tiny --sealed --yes"},
		{"", "+24h"},
		{"", "3. A day later the evaluator announces the run."},
		{"evaluator", "proctor register --model ../lab/tiny.model.proctor --testset ../owner/arithmetic.testset.proctor --config config.json --metric accuracy --deadline 14d --yes"},
		{"", "+1h"},
		{"", "4. Only now the owner hands the items over. The evaluator fetches a beacon round that\n   nobody could know when the run was announced (here from the demo's own beacon)."},
		{"owner", "proctor grant arithmetic --registration ../evaluator/tiny.arithmetic.registration.proctor --paid-by nobody"},
		{"owner", "proctor open arithmetic --all --private"},
		{"evaluator", "proctor fetch " + d.beacon + "/info --out beacon.json"},
		{"evaluator", "proctor policy add beacon.json"},
		{"evaluator", "proctor fetch " + d.beacon + "/public/latest"},
		{"", "+23h"},
		{"", "5. The run is made, and its outcome sealed, item by item."},
		{"evaluator", "proctor result answers.jsonl --registration tiny.arithmetic.registration.proctor --items ../owner/arithmetic.opening.jsonl --row key=id,response=output,grade=correct"},
		{"", "+12h"},
		{"", "6. The lab releases the model: the seal is opened, the score published."},
		{"lab", "proctor release --model tiny --published https://hub.example/lab/tiny --scores scores.csv"},
		{"", "+12h"},
	})
}

func (d *demo) freshHeads() error {
	steps := [][2]string{{"", "7. Everybody adds a fresh head: nothing was withdrawn until now."}}
	for _, party := range []string{"owner", "lab", "evaluator"} {
		if party != "evaluator" {
			steps = append(steps, [2]string{party, "proctor policy add ../evaluator/beacon.json"})
		}
		steps = append(steps,
			[2]string{party, "proctor fetch " + d.beacon + "/public/latest"},
			[2]string{party, "proctor head --into ../lab/tiny.release.proctor"})
	}
	return d.play(steps)
}

func (d *demo) verdict() error {
	const verify = "proctor verify ../lab/tiny.release.proctor --policy policy.toml --model ../lab/model"
	steps := [][2]string{
		{"", "8. A reader decides whom to trust, and verifies offline."},
		{"reader", "proctor policy add ../owner/.proctor/policy.toml --policy policy.toml --role owner"},
		{"reader", "proctor policy add ../lab/.proctor/policy.toml --policy policy.toml --role lab --independent"},
		{"reader", "proctor policy add ../evaluator/.proctor/policy.toml --policy policy.toml --role evaluator --independent"},
		{"reader", "proctor policy add ../witness/.proctor/policy.toml --policy policy.toml --witness-only --independent"},
		{"reader", "proctor policy add ../evaluator/beacon.json --policy policy.toml"},
		{"reader", verify},
		{"", "9. That rests on what is in the pack. With copies of the ledgers the reader sees what a\n   pack could leave out: other runs, other branches, retractions."},
	}
	steps = append(steps, mirrors...)
	return d.play(append(steps, [2]string{"reader", verify + scanned}))
}

// The reader's copies of the ledgers.
const scanned = " --ledger owner --ledger lab --ledger evaluator"

var mirrors = [][2]string{
	{"reader", "proctor ledger mirror ../owner/.proctor/ledger --out owner --policy policy.toml"},
	{"reader", "proctor ledger mirror ../lab/.proctor/ledger --out lab --policy policy.toml"},
	{"reader", "proctor ledger mirror ../evaluator/.proctor/ledger --out evaluator --policy policy.toml"},
}

// manyRuns plays the trick that this project began with: many runs are made, and the
// best is shown.
func (d *demo) manyRuns() error {
	const others = 26
	d.say("\n11. And if %d more runs had been announced, and only the best of all published?", others)
	d.say("\nevaluator$ proctor register …   (%d times)", others)
	if err := d.registerOthers(others); err != nil {
		return err
	}
	if err := d.play(mirrors[2:]); err != nil {
		return err
	}
	var out bytes.Buffer
	if _, err := d.show("reader", "proctor verify ../lab/tiny.release.proctor --policy policy.toml"+scanned, exitOK, &out); err != nil {
		return err
	}
	found, err := caught(out.String(), "completeness/registrations")
	d.say("%s", found)
	return err
}

// registerOthers unlocks the evaluator's key once; the command would do so each time.
func (d *demo) registerOthers(n int) error {
	if err := os.Chdir(filepath.Join(d.dir, "evaluator")); err != nil {
		return err
	}
	e := &env{ctx: d.ctx, stdin: bytes.NewReader(nil), stdout: io.Discard, stderr: io.Discard, now: d.now}
	h, err := e.openHome()
	if err != nil {
		return err
	}
	pack, _, reg, err := find[*attest.Registration](h, "tiny.arithmetic.registration.proctor")
	if err != nil {
		return err
	}
	s, err := e.issuing(cli.NewContext(e.app(), flag.NewFlagSet("", flag.ContinueOnError), nil), h)
	if err != nil {
		return err
	}
	defer s.close(d.ctx)
	for range n {
		again := *reg
		if _, err := s.logAndPack(d.ctx, &again, pack, ""); err != nil {
			return err
		}
	}
	return nil
}
