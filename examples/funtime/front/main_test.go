package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func get(t *testing.T, api, path string) (int, string) {
	t.Helper()
	front, err := newFront(api)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	front.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestPageShowsRowsOfTheAPI(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"total":48,"attractions":[{"name":"<Comet> %s","area":"Harbour","stars":4.5}]}`, r.URL.RawQuery)
	}))
	defer api.Close()
	status, body := get(t, api.URL, "/?page=2")
	if want := "<td>&lt;Comet&gt; limit=20&amp;offset=20</td>"; status != http.StatusOK || !strings.Contains(body, want) {
		t.Errorf("%d without %s:\n%s", status, want, body)
	}
	if !strings.Contains(body, `href="/?page=1"`) || !strings.Contains(body, `href="/?page=3"`) {
		t.Errorf("no way to the pages before and after:\n%s", body)
	}
}

func TestPageWithoutAPI(t *testing.T) {
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	status, body := get(t, down.URL, "/")
	if status != http.StatusServiceUnavailable || !strings.Contains(body, "closed for a moment") {
		t.Errorf("%d %s", status, body)
	}
}
