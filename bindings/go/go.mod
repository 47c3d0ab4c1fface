module libimgrel.org/go/imgrel

go 1.19
