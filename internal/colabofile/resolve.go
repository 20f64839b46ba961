package colabofile

import (
	"errors"
	"path/filepath"
)

// source is what a project was made from, kept to make it again with the values of its references.
type source struct {
	path string
	doc  *document
	root *node
	env  Env
}

// Resolve returns the project with the references replaced that have a value; the others stay as they are written. It runs
// nothing and reads no other files than Load. Its error is Problems: about values that the file can't have there, which may
// name them.
func (p *Project) Resolve(values map[Ref]string) (*Project, error) {
	return p.source.project(values)
}

// project makes the project. What is wrong with it is found out with a sample for every reference that has no value: the
// reference itself is no address, nor anything else that a key may ask for.
func (s *source) project(values map[Ref]string) (*Project, error) {
	project, late, err := s.decode(values, true)
	if err != nil || !late {
		return project, err
	}
	project, _, err = s.decode(values, false)
	if _, isProblem := errors.AsType[Problems](err); err != nil && !isProblem {
		return nil, err
	}
	return project, nil
}

// decode makes the project with samples, or with the references as they are written. late says whether there are any.
// Its Problems come with the project.
func (s *source) decode(values map[Ref]string, samples bool) (project *Project, late bool, err error) {
	l := &loader{
		decoder: &decoder{doc: s.doc}, env: s.env, root: s.root,
		project: &Project{
			File: s.path, Dir: filepath.Dir(s.path), Name: filepath.Base(filepath.Dir(s.path)),
			Provider: Auto, Settings: map[string]any{}, source: s,
		},
	}
	env := s.env
	vars := splitVars(s.root, &env)
	expand(&expander{decoder: l.decoder, root: s.root, getenv: env.Getenv, values: values, samples: samples}, env)
	l.load()
	s.root.eachRef(func(Ref, *node) { late = true })
	var problems error
	if len(l.problems) > 0 {
		problems = l.problems.sorted()
	}
	return l.project, late, errors.Join(vars.unused(s.root), problems)
}
