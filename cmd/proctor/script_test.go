package main

import (
	"archive/zip"
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/proctor-attest/proctor/ledger/trillian/trilliantest"
	"github.com/proctor-attest/proctor/verify/challenge/localbeacon"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"proctor": main})
}

const shared = "../../../shared" // real data, beside the repository

// TestScripts runs the manual: testdata/*.txtar, one topic each.
func TestScripts(t *testing.T) {
	story := filepath.Join(t.TempDir(), "story")
	var stdout, stderr bytes.Buffer
	// Without the last act, which registers many runs.
	e := &env{ctx: t.Context(), stdout: &stdout, stderr: &stderr, now: time.Now}
	if err := e.runDemo(story, demoActs()[:5]); err != nil {
		t.Fatalf("demo: %v\n%s%s", err, stdout.String(), stderr.String())
	}
	params := scriptParams(t, story)
	params.Dir = "testdata"
	testscript.Run(t, params)
}

func scriptParams(t *testing.T, story string) testscript.Params {
	data, err := filepath.Abs(shared)
	if err != nil {
		t.Fatal(err)
	}
	return testscript.Params{
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PROCTOR_PASSWORD", "demo")
			env.Setenv("PROCTOR_YES", "1") // confirm.txtar shows what it is for
			env.Setenv("SHARED", data)
			env.Setenv("LMEVAL_LOG", os.Getenv("PROCTOR_LMEVAL_LOG"))
			env.Setenv("INSPECT_LOG", os.Getenv("PROCTOR_INSPECT_LOG"))
			env.Values["story"] = story
			return nil
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "shared": // the real data are here
				_, err := os.Stat(filepath.Join(data, "data"))
				return err == nil, nil
			case "lmeval": // a log of lm-eval was made for this test
				return os.Getenv("PROCTOR_LMEVAL_LOG") != "", nil
			case "inspect": // a log of Inspect was made for this test
				return os.Getenv("PROCTOR_INSPECT_LOG") != "", nil
			case "netns": // an ordinary user can enter an empty network namespace
				return exec.Command("unshare", "-rn", "true").Run() == nil, nil
			}
			return false, errors.New("unknown condition " + cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":  cmdExits,
			"story":  cmdStory,
			"beacon": cmdBeacon,
			"number": cmdNumber,
			"pick":   cmdPick,
			"scores": cmdScores,
			"flip":   cmdFlip,
			"mode":   cmdMode,
			"edit":   cmdEdit,
			"id":     cmdID,
			"serve":  cmdServe,
			"port":   cmdPort,
			"await":  cmdAwait,
			"get":    cmdGet,
			"unpack": cmdUnpack,
			"hub":    cmdHub,
			"unhex":  cmdUnhex,
			"tsa":    cmdTSA,

			"trillian": cmdTrillian,

			"certificate": cmdCertificate,
		},
	}
}

// exits N PROGRAM ARG… runs a program and wants exactly this status.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N program args…")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if want, _ := strconv.Atoi(args[0]); code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

// story copies what the demo leaves: the folders owner, lab, evaluator, witness
// and reader, with a released model and its evidence.
func cmdStory(ts *testscript.TestScript, neg bool, args []string) {
	from := ts.Value("story").(string)
	ts.Check(ts.Exec("cp", "-Rp", from+"/.", ts.MkAbs(".")))
}

// beacon DIR makes a beacon of its own: DIR/info.json, as drand describes one, and
// DIR/round.json, its newest round.
func cmdBeacon(ts *testscript.TestScript, neg bool, args []string) {
	b, err := localbeacon.New([]byte("0123456789abcdef0123456789abcdef"), "test", 3, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	ts.Check(err)
	server := httptest.NewServer(b.Handler(time.Now))
	defer server.Close()
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	for file, path := range map[string]string{"info.json": "/info", "round.json": "/public/latest"} {
		response, err := server.Client().Get(server.URL + "/" + b.Public().Chain.String() + path)
		ts.Check(err)
		var body bytes.Buffer
		_, err = body.ReadFrom(response.Body)
		ts.Check(errors.Join(err, response.Body.Close(), os.WriteFile(filepath.Join(dir, file), body.Bytes(), 0o644)))
	}
}

// trillian VAR starts a Trillian for the rest of the script, in this process and in memory,
// and puts its address into a variable.
func cmdTrillian(ts *testscript.TestScript, neg bool, args []string) {
	s, address, err := trilliantest.Start("127.0.0.1:0")
	ts.Check(err)
	ts.Defer(s.Stop)
	ts.Setenv(args[0], address)
}

// serve DIR serves a folder over HTTP for the rest of the script, as $URL.
func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	b, err := localbeacon.New([]byte("0123456789abcdef0123456789abcdef"), "test", 3, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	ts.Check(err)
	server := httptest.NewServer(b.Handler(time.Now))
	ts.Defer(server.Close)
	ts.Setenv("SERVER", server.URL)
	ts.Setenv("URL", server.URL+"/"+b.Public().Chain.String())
}

// port VAR sets $VAR to an address of this machine where nothing listens.
func cmdPort(ts *testscript.TestScript, neg bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(args[0], l.Addr().String())
	ts.Check(l.Close())
}

// await URL [REGEXP] waits until something answers there, and says this.
func cmdAwait(ts *testscript.TestScript, neg bool, args []string) {
	var err error
	for range 200 {
		var resp *http.Response
		if resp, err = anyServer.Get(args[0]); err == nil {
			var body []byte
			body, err = io.ReadAll(resp.Body)
			resp.Body.Close()
			if err == nil && (len(args) == 1 || regexp.MustCompile("(?m)"+args[1]).Match(body)) {
				return
			}
			err = fmt.Errorf("it says %s", body)
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("nothing answers: %v", err)
}

// anyServer believes every certificate.
var anyServer = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}

// certificate CERT KEY makes a TLS certificate for ledger.example.
func cmdCertificate(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(makeCertificate(ts.MkAbs(args[0]), ts.MkAbs(args[1]), 1))
}

// get URL prints what is there, as the output of a command.
func cmdGet(ts *testscript.TestScript, neg bool, args []string) {
	resp, err := http.Get(args[0])
	ts.Check(err)
	defer resp.Body.Close()
	name := ts.MkAbs("got")
	f, err := os.Create(name)
	ts.Check(err)
	_, err = f.ReadFrom(resp.Body)
	ts.Check(errors.Join(err, f.Close()))
	ts.Check(ts.Exec("cat", name))
}

// unpack PACK DIR unpacks an evidence pack, as any unzip does.
func cmdUnpack(ts *testscript.TestScript, neg bool, args []string) {
	z, err := zip.OpenReader(ts.MkAbs(args[0]))
	ts.Check(err)
	defer z.Close()
	ts.Check(os.CopyFS(ts.MkAbs(args[1]), z))
}

// flip FILE changes one bit in the middle of a file.
func cmdFlip(ts *testscript.TestScript, neg bool, args []string) {
	name := ts.MkAbs(args[0])
	data, err := os.ReadFile(name)
	ts.Check(err)
	data[len(data)/2] ^= 1
	ts.Check(os.Chmod(name, 0o644))
	ts.Check(os.WriteFile(name, data, 0o644))
}

// mode FILE PERM wants a file's permissions.
func cmdMode(ts *testscript.TestScript, neg bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := strconv.FormatInt(int64(info.Mode().Perm()), 8); got != args[1] {
		ts.Fatalf("mode of %s is %s, want %s", args[0], got, args[1])
	}
}

// edit FILE REGEXP REPLACEMENT changes a text file; something must match.
func cmdEdit(ts *testscript.TestScript, neg bool, args []string) {
	name := ts.MkAbs(args[0])
	before := ts.ReadFile(name)
	after := regexp.MustCompile(args[1]).ReplaceAllString(before, strings.ReplaceAll(args[2], `\n`, "\n"))
	if after == before {
		ts.Fatalf("%s: nothing matches %s", args[0], args[1])
	}
	ts.Check(os.WriteFile(name, []byte(after), 0o644))
}

// number VAR WORD keeps the first number that follows WORD on the last command's output
// as $VAR.
func cmdNumber(ts *testscript.TestScript, neg bool, args []string) {
	m := regexp.MustCompile(`(?m)^ *` + args[1] + ` +([0-9]+)`).FindStringSubmatch(ts.ReadFile("stdout"))
	if m == nil {
		ts.Fatalf("no number after %q", args[1])
	}
	ts.Setenv(args[0], m[1])
}

// pick ANSWERS IDS OUT copies the rows of answers with one of the ids, which stand in a
// file with commas between them.
func cmdPick(ts *testscript.TestScript, neg bool, args []string) {
	var out strings.Builder
	ids := strings.Split(strings.TrimSpace(ts.ReadFile(args[1])), ",")
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		var row struct{ ID string }
		ts.Check(json.Unmarshal([]byte(line), &row))
		if slices.Contains(ids, row.ID) {
			out.WriteString(line)
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(out.String()), 0o644))
}

// scores FILE LABEL RESULT writes the table that publishes the score on the last command's
// output.
func cmdScores(ts *testscript.TestScript, neg bool, args []string) {
	m := regexp.MustCompile(`(?m)^score +\S+ = ([0-9.]+)$`).FindStringSubmatch(ts.ReadFile("stdout"))
	if m == nil {
		ts.Fatalf("no score")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), fmt.Appendf(nil, "label,score,result\n%s,%s,%s\n", args[1], m[1], args[2]), 0o644))
}

// id VAR WORD keeps the first hexadecimal id that follows WORD on the last
// command's output as $VAR.
func cmdID(ts *testscript.TestScript, neg bool, args []string) {
	m := regexp.MustCompile(`(?m)^ *` + args[1] + ` +([0-9a-f]{64})`).FindStringSubmatch(ts.ReadFile("stdout"))
	if m == nil {
		ts.Fatalf("no id after %q", args[1])
	}
	ts.Setenv(args[0], m[1])
}

// scripts is the text of all of them.
func scripts(t *testing.T) string {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	var all bytes.Buffer
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(data)
	}
	return all.String()
}

// unhex FILE TARGET… writes the bytes that FILE spells in hexadecimal digits, with
// spaces and # comments between them.
func cmdUnhex(ts *testscript.TestScript, neg bool, args []string) {
	var digits strings.Builder
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	data, err := hex.DecodeString(digits.String())
	ts.Check(err)
	for _, target := range args[1:] {
		ts.Check(os.WriteFile(ts.MkAbs(target), data, 0o644))
	}
}
