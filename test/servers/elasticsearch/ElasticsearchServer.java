// One real Elasticsearch node on 127.0.0.1, from Maven's jars. Arguments: home folder, HTTP port, transport port, then settings
// as name=value. Ends when its standard input ends, so that it never outlives the test run that started it.

import java.io.IOException;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.Plugin;

public final class ElasticsearchServer {
  /** Open modules; those that a version's jars lack are left out. */
  private static final String[] PLUGINS = {
    "org.elasticsearch.transport.Netty4Plugin",
    "org.elasticsearch.painless.PainlessPlugin",
    "org.elasticsearch.script.expression.ExpressionPlugin",
    "org.elasticsearch.index.reindex.ReindexPlugin",
    "org.elasticsearch.reindex.ReindexPlugin",
    "org.elasticsearch.analysis.common.CommonAnalysisPlugin",
    "org.elasticsearch.search.aggregations.matrix.MatrixAggregationPlugin",
    "org.elasticsearch.index.mapper.MapperExtrasPlugin",
    "org.elasticsearch.join.ParentJoinPlugin",
    "org.elasticsearch.percolator.PercolatorPlugin",
    "org.elasticsearch.ingest.common.IngestCommonPlugin",
    "org.elasticsearch.script.mustache.MustachePlugin",
  };

  private static final class OpenNode extends Node {
    OpenNode(Environment environment, Collection<Class<? extends Plugin>> plugins) {
      super(environment, plugins, false);
    }
  }

  public static void main(String[] arguments) throws Exception {
    Path home = Paths.get(arguments[0]);
    Settings.Builder settings = Settings.builder()
        .put("path.home", home.toString())
        .put("cluster.name", "weir-test")
        .put("node.name", "weir-test")
        .put("network.host", "127.0.0.1")
        .put("http.port", arguments[1])
        .put("transport.port", arguments[2])
        .put("discovery.type", "single-node")
        .put("http.type", "netty4")
        .put("transport.type", "netty4")
        .put("cluster.routing.allocation.disk.threshold_enabled", false);
    for (int i = 3; i < arguments.length; i++) {
      int equals = arguments[i].indexOf('=');
      settings.put(arguments[i].substring(0, equals), arguments[i].substring(equals + 1));
    }
    Node node = new OpenNode(new Environment(settings.build(), home.resolve("config")), plugins());
    Runtime.getRuntime().addShutdownHook(new Thread(() -> close(node)));
    node.start();
    while (System.in.read() >= 0) {
      // Nothing is expected: only the end matters.
    }
    System.exit(0);
  }

  private static List<Class<? extends Plugin>> plugins() {
    List<Class<? extends Plugin>> found = new ArrayList<>();
    for (String name : PLUGINS) {
      try {
        found.add(Class.forName(name).asSubclass(Plugin.class));
      } catch (ClassNotFoundException absent) {
        continue;
      }
    }
    return found;
  }

  private static void close(Node node) {
    try {
      node.close();
    } catch (IOException failure) {
      failure.printStackTrace();
    }
  }
}
