module funtime.example/front

go 1.26.0
