// The front end of FunTime: a page with the attractions, made on the server out of what the API says.
package main

import (
	"context"
	_ "embed" // for the page
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

//go:embed page.html
var pageHTML string

const pageSize = 20

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Getenv("API_URL"), os.Getenv("LISTEN")); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, api, address string) error {
	if api == "" || address == "" {
		return errors.New("API_URL and LISTEN must be set")
	}
	handler, err := newFront(api)
	if err != nil {
		return err
	}
	server := &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	done := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		done <- server.Shutdown(grace)
	}()
	log.Printf("listening at %s", address)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-done
}

type attraction struct {
	Name      string  `json:"name"`
	Area      string  `json:"area"`
	MinHeight int     `json:"min_height"`
	Opened    int     `json:"opened"`
	Rides     int     `json:"rides"`
	Waited    float64 `json:"waited"`
	Stars     float64 `json:"stars"`
}

// view is what the page shows.
type view struct {
	Total       int          `json:"total"`
	Attractions []attraction `json:"attractions"`

	First, Last, Previous, Next int // Previous and Next are pages, 0 where there is none
	Error                       string
}

// newFront returns the front end's handler.
func newFront(api string) (http.Handler, error) {
	page, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Timeout: 8 * time.Second}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		number, err := strconv.Atoi(r.URL.Query().Get("page"))
		if err != nil || number < 1 || number > 1000 {
			number = 1
		}
		shown, err := fetch(r.Context(), client, api, number)
		status := http.StatusOK
		if err != nil {
			log.Printf("ask the API: %v", err)
			status, shown = http.StatusServiceUnavailable, view{Error: "The park is closed for a moment: the API or its database does not answer."}
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		if err := page.Execute(w, shown); err != nil {
			log.Printf("write the page: %v", err)
		}
	})
	return mux, nil
}

// fetch asks the API for one page.
func fetch(ctx context.Context, client *http.Client, api string, number int) (view, error) {
	offset := (number - 1) * pageSize
	url := fmt.Sprintf("%s/api/attractions?limit=%d&offset=%d", api, pageSize, offset)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return view{}, err
	}
	response, err := client.Do(request)
	if err != nil {
		return view{}, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return view{}, fmt.Errorf("%s: %s", url, response.Status)
	}
	var shown view
	if err := json.NewDecoder(response.Body).Decode(&shown); err != nil {
		return view{}, err
	}
	shown.First, shown.Last, shown.Previous = offset+1, offset+len(shown.Attractions), number-1
	if shown.Last < shown.Total && len(shown.Attractions) > 0 {
		shown.Next = number + 1
	}
	return shown, nil
}
