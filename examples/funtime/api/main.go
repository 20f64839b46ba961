// The API of FunTime: attractions and their visitors' opinions, as JSON out of PostgreSQL.
//
//	GET /api/attractions?limit=20&offset=0
//	GET /healthz
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Getenv("DATABASE_URL"), os.Getenv("LISTEN")); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx ends. The database need not be there yet: requests say so until it is.
func run(ctx context.Context, database, address string) error {
	if database == "" || address == "" {
		return errors.New("DATABASE_URL and LISTEN must be set")
	}
	pool, err := pgxpool.New(ctx, database)
	if err != nil {
		return err
	}
	defer pool.Close()
	server := &http.Server{Addr: address, Handler: newAPI(store{pool}), ReadHeaderTimeout: 5 * time.Second}
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

// attraction is one row that the API returns.
type attraction struct {
	ID        int     `json:"id"`
	Name      string  `json:"name"`
	Area      string  `json:"area"`
	MinHeight int     `json:"min_height"`
	Opened    int     `json:"opened"` // year
	Rides     int     `json:"rides"`
	Waited    float64 `json:"waited"` // average, minutes
	Stars     float64 `json:"stars"`  // average
}

// page is one answer of /api/attractions.
type page struct {
	Total       int          `json:"total"`
	Attractions []attraction `json:"attractions"`
}

// source is where the rows come from.
type source interface {
	attractions(ctx context.Context, limit, offset int) (page, error)
	ping(ctx context.Context) error
}

// newAPI returns the API's handler.
func newAPI(rows source) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
		defer cancel()
		if err := rows.ping(ctx); err != nil {
			fail(w, http.StatusServiceUnavailable, "the database does not answer", err)
			return
		}
		reply(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /api/attractions", func(w http.ResponseWriter, r *http.Request) {
		limit, err := number(r, "limit", 20, 1, 100)
		if err != nil {
			fail(w, http.StatusBadRequest, err.Error(), err)
			return
		}
		offset, err := number(r, "offset", 0, 0, 1_000_000)
		if err != nil {
			fail(w, http.StatusBadRequest, err.Error(), err)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
		defer cancel()
		found, err := rows.attractions(ctx, limit, offset)
		if err != nil {
			fail(w, http.StatusServiceUnavailable, "the database does not answer", err)
			return
		}
		reply(w, http.StatusOK, found)
	})
	return mux
}

// number is a query parameter between first and last.
func number(r *http.Request, name string, otherwise, first, last int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < first || n > last {
		return 0, errors.New(name + " must be a number from " + strconv.Itoa(first) + " to " + strconv.Itoa(last))
	}
	return n, nil
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		log.Printf("reply: %v", err)
	}
}

func fail(w http.ResponseWriter, status int, text string, err error) {
	log.Printf("%s: %v", text, err)
	reply(w, status, map[string]string{"error": text})
}

// store reads the rows from PostgreSQL.
type store struct{ pool *pgxpool.Pool }

func (s store) ping(ctx context.Context) error { return s.pool.Ping(ctx) }

const attractionsSQL = `
SELECT a.id, a.name, a.area, a.min_height, extract(year FROM a.opened)::int AS opened, count(r.id)::int AS rides,
       coalesce(round(avg(r.waited), 1), 0)::float8 AS waited, coalesce(round(avg(r.stars), 2), 0)::float8 AS stars
FROM attraction a LEFT JOIN ride r ON r.attraction_id = a.id
GROUP BY a.id ORDER BY stars DESC, a.name LIMIT $1 OFFSET $2`

func (s store) attractions(ctx context.Context, limit, offset int) (page, error) {
	var found page
	if err := s.pool.QueryRow(ctx, "SELECT count(*) FROM attraction").Scan(&found.Total); err != nil {
		return page{}, err
	}
	rows, err := s.pool.Query(ctx, attractionsSQL, limit, offset)
	if err != nil {
		return page{}, err
	}
	found.Attractions, err = pgx.CollectRows(rows, pgx.RowToStructByPos[attraction])
	return found, err
}
