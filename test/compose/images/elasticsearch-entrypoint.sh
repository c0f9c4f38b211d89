#!/bin/sh
# Honours ES_JAVA_OPTS, and settings given as variables (discovery.type is the only kind of it), as the vendor's image does.
# The class that starts the server ends with its standard input: a pipe that nobody closes keeps it.
set -eu
mkfifo /tmp/stdin 2>/dev/null || true
exec java $ES_JAVA_OPTS -Dlog4j2.disable.jmx=true -Des.distribution.flavor=oss \
  -cp "/usr/share/elasticsearch/classes:/usr/share/elasticsearch/jars/*" ElasticsearchServer /usr/share/elasticsearch 9200 9300 \
  network.host=0.0.0.0 http.host=0.0.0.0 transport.host=127.0.0.1 <>/tmp/stdin
