package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"
)

// env is what a command may touch of the world around it.
type env struct {
	ctx    context.Context
	stdin  io.Reader
	stdout io.Writer // the answer, nothing else
	stderr io.Writer // everything that is meant for a person
	now    func() time.Time
}

// execute is the program: it returns the exit code.
func execute(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // Tessera logs there what it returns as errors too
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	e := &env{ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr, now: time.Now}
	code := e.run(args)
	if ctx.Err() != nil && code == exitFailed {
		return exitInterrupted
	}
	return code
}

func (e *env) run(args []string) int {
	app := e.app()
	var err error
	if n := len(args); n == 0 || args[n-1] != "--generate-bash-completion" {
		args, err = reorder(app, args)
	}
	if err == nil {
		err = app.RunContext(e.ctx, args)
	}
	return e.report(err)
}

// report prints an error in the house form and picks the exit code.
func (e *env) report(err error) int {
	if err == nil {
		return exitOK
	}
	if errors.Is(err, errDryRun) {
		return exitOK
	}
	var verdict *verdictError
	if errors.As(err, &verdict) {
		return verdict.code // the answer has been printed already
	}
	fmt.Fprintf(e.stderr, "proctor: %s\n", printable(err.Error()))
	var hint *hintError
	if errors.As(err, &hint) {
		fmt.Fprintf(e.stderr, "hint: %s\n", printable(hint.hint))
	}
	var usage *usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

func (e *env) app() *cli.App {
	app := &cli.App{
		Name:  "proctor",
		Usage: "sealed exams for AI models",
		Description: "Proctor commits held-out test sets and model weights to a transparency log before\n" +
			"release, signs what was scored, and verifies offline that a published score came from\n" +
			"the attested model, on the committed items, in the announced run.",
		Version:   version,
		Writer:    e.stdout,
		ErrWriter: e.stderr,
		Reader:    e.stdin,
		Commands: []*cli.Command{
			e.cmdInit(), e.cmdCommit(), e.cmdRegister(), e.cmdDraw(), e.cmdResult(), e.cmdRelease(), e.cmdClaim(),
			e.cmdGrant(), e.cmdOpen(), e.cmdHead(), e.cmdTimestamp(), e.cmdRetract(), e.cmdVerify(), e.cmdInspect(), e.cmdDigest(), e.cmdDiff(), e.cmdSign(),
			e.cmdItems(), e.cmdAudit(), e.cmdExport(), e.cmdFetch(), e.cmdPolicy(), e.cmdLedger(), e.cmdBackup(), e.cmdRestore(), e.cmdDemo(), e.cmdHelp(), e.cmdCompletion(), e.cmdMan(),
		},
		Flags:                 []cli.Flag{cli.HelpFlag}, // cli adds it only where there is no command "help"
		HideHelpCommand:       true,
		EnableBashCompletion:  true,
		OnUsageError:          onUsageError,
		ExitErrHandler:        func(*cli.Context, error) {},
		Action:                e.noCommand,
		CustomAppHelpTemplate: appHelp,
	}
	// A repeatable flag is given again: a key or a path may hold a comma.
	app.DisableSliceFlagSeparator = true
	settle(app.Commands)
	return app
}

// settle gives every command what cli has no way to set for all: mistakes are
// reported in one line, and "help" is a command of the program alone.
func settle(commands []*cli.Command) {
	for _, c := range commands {
		c.OnUsageError = onUsageError
		c.HideHelpCommand = true
		settle(c.Subcommands)
	}
}

func onUsageError(_ *cli.Context, err error, _ bool) error { return &usageError{err} }

func (e *env) noCommand(c *cli.Context) error {
	if c.Args().Len() == 0 {
		return cli.ShowAppHelp(c)
	}
	return withHint(usagef("there is no command %q", c.Args().First()), `"proctor help" lists the commands`)
}

const version = "0.1.0"

const appHelp = `proctor: {{.Usage}}

{{.Description}}

commands:{{range .VisibleCommands}}
   {{join .Names ", "}}{{"\t"}}{{.Usage}}{{end}}

"proctor COMMAND --help" shows the flags of a command, "proctor help TOPIC" a page.
First time here: proctor demo
`
