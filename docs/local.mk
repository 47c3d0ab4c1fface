# The manual: of the program as it printed it, of the library as the headers have it.
dist_man_MANS = docs/man/imgrel.1 docs/man/imgrel-config.5
EXTRA_DIST += docs/man3.py bindings/headers.py

if HAVE_PYTHON
man3dir = $(mandir)/man3
docs/man/man3.stamp: $(pkginclude_HEADERS) docs/man3.py bindings/headers.py
	$(AM_V_GEN)PYTHONDONTWRITEBYTECODE=1 $(PYTHON) $(srcdir)/docs/man3.py $(PACKAGE_VERSION) docs/man/man3 && : >$@

all-local: docs/man/man3.stamp
install-data-local: docs/man/man3.stamp
	$(MKDIR_P) "$(DESTDIR)$(man3dir)"
	$(INSTALL_DATA) docs/man/man3/*.3 "$(DESTDIR)$(man3dir)"
uninstall-local:
	cd docs/man/man3 && for page in *.3; do rm -f "$(DESTDIR)$(man3dir)/$$page"; done
clean-local:
	rm -rf docs/man/man3 docs/man/man3.stamp
endif
