package e2e

import (
	"os"
	"testing"
)

// TestExamplesAreValid holds the commented example and FunTime against the decoder of the real program.
func TestExamplesAreValid(t *testing.T) {
	example, err := os.ReadFile("../Colabofile.example")
	if err != nil {
		t.Fatal(err)
	}
	newProject(t, map[string]string{"Colabofile": string(example)}).must("validate")
	copyProject(t, "../examples/funtime").must("validate")
}
