// Proctor commits held-out test sets and model weights to a transparency log
// before release, signs what was scored, and verifies published scores.
package main

import "os"

func main() {
	os.Exit(execute(os.Args, os.Stdin, os.Stdout, os.Stderr))
}
