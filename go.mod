module github.com/colabo/colabo

go 1.26.0
