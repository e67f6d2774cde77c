# The trainer as a container: what `inboxloop train --target vertex` runs. The whole command line is in it as well:
#   docker run --entrypoint node IMAGE dist/cli/main.js --help
FROM node:20-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# The engine is a workspace: the lock file knows it.
COPY packages/googlesql/package.json ./packages/googlesql/
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:20-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/definitions ./definitions
COPY --from=build /app/includes ./includes
COPY --from=build /app/governance/policies.yaml ./governance/policies.yaml
COPY --from=build /app/governance/privacy-budget.yaml ./governance/privacy-budget.yaml
COPY --from=build /app/governance/figures ./governance/figures
COPY --from=build /app/dataform.json ./
USER node
ENTRYPOINT ["node", "dist/retrain/trainer/main.js"]
