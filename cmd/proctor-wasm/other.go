//go:build !js

// Proctor-wasm is the verifier for the browser; it does something only when built
// with GOOS=js GOARCH=wasm.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "proctor-wasm runs in a browser: build it with GOOS=js GOARCH=wasm")
	os.Exit(2)
}
