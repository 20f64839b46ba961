package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/colabo/colabo/internal/colabofile"
	"github.com/colabo/colabo/internal/engine"
	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/internal/ui"
)

// complaint is one thing that went wrong, and what to do about it.
type complaint struct {
	text, hint string // either may be ""
	bare       bool   // the text says by itself what it is about
}

// printError tells what went wrong, an error a paragraph, with the one thing to do about it.
func (a *app) printError(err error) {
	if err == nil || isType[*remoteExit](err) || errors.Is(err, errChanges) {
		return
	}
	complaints := complaintsOf(err, a.goOn())
	for i, one := range complaints {
		complaints[i].text, complaints[i].hint = a.secrets.Text(one.text), a.secrets.Text(one.hint)
	}
	if a.global.json {
		var texts []string
		about := ""
		for _, one := range complaints {
			if one.text != "" {
				texts = append(texts, one.text)
			}
			if about == "" {
				about = one.hint
			}
		}
		object := map[string]any{"type": "error", "text": strings.Join(texts, "\n"), "hint": about, "exit": exitCode(err)}
		if problems, ok := errors.AsType[colabofile.Problems](err); ok {
			object["problems"] = a.placed(problems)
		}
		// The stream may be what failed; there is nowhere left to say so.
		_ = a.printJSON(object)
		return
	}
	for _, one := range complaints {
		subject := "colabo: "
		if one.bare {
			subject = ""
		}
		if one.text != "" {
			fmt.Fprintf(a.Err, "%s%s\n", subject, ui.Printable(one.text))
		}
		if one.hint != "" {
			fmt.Fprintf(a.Err, "  -> %s\n", ui.Printable(one.hint))
		}
	}
}

// placedProblem is a problem of a Colabofile as programs read it.
type placedProblem struct {
	File       string `json:"file"`
	Line       int    `json:"line"`
	Column     int    `json:"column"` // in characters, from 1
	Key        string `json:"key"`
	Message    string `json:"message"`
	Suggestion string `json:"suggestion"`
}

// placed are the problems as programs read them.
func (a *app) placed(problems colabofile.Problems) []placedProblem {
	all := make([]placedProblem, 0, len(problems))
	for _, p := range problems {
		all = append(all, placedProblem{p.Pos.File, p.Pos.Line, p.Pos.Column, p.Key, a.secrets.Text(p.Text), p.Suggestion})
	}
	return all
}

// goOn is what to do after the command was interrupted.
func (a *app) goOn() string {
	switch a.command {
	case "halt", "destroy":
		return "`colabo " + a.command + "` goes on from there"
	}
	return "`colabo up` goes on from there, `colabo destroy` removes it"
}

// complaintsOf takes an error apart. Of an interrupt it tells what is left, what else went wrong, and last how to go on.
func complaintsOf(err error, goOn string) []complaint {
	if !errors.Is(err, context.Canceled) {
		return eachOf(err)
	}
	interrupted, next := complaint{text: "interrupted"}, complaint{}
	if left, ok := errors.AsType[*engine.InterruptedError](err); ok {
		err = left.Err
		if left.Left != "" {
			interrupted.text += "; left: " + left.Left
		}
		next.hint = goOn
	}
	all := []complaint{interrupted}
	for _, one := range eachOf(err) {
		if one.text = withoutCancel(one.text); one.text != "" {
			all = append(all, one)
		}
	}
	return append(all, next)
}

// eachOf is a complaint for each error that was joined.
func eachOf(err error) []complaint {
	if err == nil {
		return nil
	}
	var all []complaint
	for _, one := range ui.Flatten(err) {
		all = append(all, complaint{text: one.Error(), hint: hint.Of(one), bare: isType[colabofile.Problems](one)})
	}
	return all
}

// withoutCancel leaves out the lines that only tell, in the words of package context, that the command was interrupted.
func withoutCancel(text string) string {
	var kept []string
	for line := range strings.SplitSeq(text, "\n") {
		if !strings.HasSuffix(line, context.Canceled.Error()) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}
