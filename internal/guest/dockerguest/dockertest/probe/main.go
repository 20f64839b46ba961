// Command probe is all that there is in an image without a shell: it does what tests look for.
package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
)

func main() {
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code) //nolint:forbidigo // a program of its own
}

// run does one thing: "cat", "exit CODE", "uid", "env NAME", "read FILE".
func run(args []string) (int, error) {
	if len(args) == 0 {
		return 2, fmt.Errorf("usage: probe cat|exit|uid|env|read")
	}
	argument := ""
	if len(args) > 1 {
		argument = args[1]
	}
	switch args[0] {
	case "cat":
		_, err := io.Copy(os.Stdout, os.Stdin)
		return 0, err
	case "exit":
		return strconv.Atoi(argument)
	case "uid":
		_, err := fmt.Fprint(os.Stdout, os.Getuid())
		return 0, err
	case "env":
		_, err := fmt.Fprint(os.Stdout, os.Getenv(argument))
		return 0, err
	case "read":
		content, err := os.ReadFile(argument)
		if err != nil {
			return 1, err
		}
		_, err = os.Stdout.Write(content)
		return 0, err
	}
	return 2, fmt.Errorf("unknown: %s", args[0])
}
