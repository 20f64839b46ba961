package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
)

type fake struct{ err error }

func (f fake) ping(context.Context) error { return f.err }

func (f fake) attractions(_ context.Context, limit, offset int) (page, error) {
	return page{Total: 48, Attractions: []attraction{{ID: limit, Name: "Comet <Coaster>", Rides: offset}}}, f.err
}

func TestAPI(t *testing.T) {
	down := fake{errors.New("connection refused")}
	for _, test := range []struct {
		rows   source
		path   string
		status int
		body   string
	}{
		{fake{}, "/healthz", http.StatusOK, `{"status":"ok"}`},
		{down, "/healthz", http.StatusServiceUnavailable, `{"error":"the database does not answer"}`},
		{down, "/api/attractions", http.StatusServiceUnavailable, `{"error":"the database does not answer"}`},
		{fake{}, "/api/attractions?limit=7&offset=9", http.StatusOK, `{"total":48,"attractions":[{"id":7,"name":"Comet \u003cCoaster\u003e",` +
			`"area":"","min_height":0,"opened":0,"rides":9,"waited":0,"stars":0}]}`},
		{fake{}, "/api/attractions?limit=0", http.StatusBadRequest, `{"error":"limit must be a number from 1 to 100"}`},
		{fake{}, "/api/attractions?offset=x", http.StatusBadRequest, `{"error":"offset must be a number from 0 to 1000000"}`},
	} {
		w := httptest.NewRecorder()
		newAPI(test.rows).ServeHTTP(w, httptest.NewRequest(http.MethodGet, test.path, nil))
		if w.Code != test.status || w.Body.String() != test.body+"\n" {
			t.Errorf("%s: %d %s, want %d %s", test.path, w.Code, w.Body, test.status, test.body)
		}
	}
}
