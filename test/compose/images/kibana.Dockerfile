FROM node:22-bookworm-slim
LABEL weir.stand-in=yes
COPY kibana-double.ts /kibana-double.ts
CMD ["node", "--experimental-strip-types", "--input-type=module", "-e", "import { startKibanaDouble } from '/kibana-double.ts'; await startKibanaDouble({ host: '0.0.0.0', port: 5601 });"]
