"use strict";
// Reads the OpenAPI document beside this page, lists its operations, and sends requests to the server it came from.

const base = new URL(".", location.href);
const byId = (id) => document.getElementById(id);

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in made && key !== "list") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** What a schema asks for, in a few lines: names, types, what is required. References are followed once. */
function sketch(api, schema, depth = 0, seen = []) {
  if (!schema) return "";
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    if (seen.includes(name) || depth > 3) return name;
    return sketch(api, api.components.schemas[name], depth, [...seen, name]);
  }
  if (schema.oneOf) return schema.oneOf.map((one) => sketch(api, one, depth, seen)).join(" | ");
  const type = [schema.type ?? "any"].flat().join(" | ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.items) return "[" + sketch(api, schema.items, depth, seen) + "]";
  const pad = "  ".repeat(depth + 1);
  if (schema.properties) {
    const lines = Object.entries(schema.properties).map(([name, member]) => {
      const needed = (schema.required ?? []).includes(name) ? "" : "?";
      const note = member.description ? "  // " + member.description : "";
      return pad + name + needed + ": " + sketch(api, member, depth + 1, seen) + note;
    });
    return "{\n" + lines.join("\n") + "\n" + "  ".repeat(depth) + "}";
  }
  if (typeof schema.additionalProperties === "object") {
    return "{ [name]: " + sketch(api, schema.additionalProperties, depth + 1, seen) + " }";
  }
  return schema.format ? type + " (" + schema.format + ")" : type;
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function send(method, path, body) {
  const headers = {};
  const token = byId("token").value.trim();
  if (token) headers.authorization = "Bearer " + token;
  if (body !== undefined) headers["content-type"] = "application/json";
  const began = performance.now();
  const response = await fetch(new URL(path.slice(1), base), { method, headers, body, cache: "no-store" });
  const text = await response.text();
  return { response, text, took: Math.round(performance.now() - began) };
}

function parameterField(parameter) {
  const schema = parameter.schema ?? {};
  let input;
  if (schema.enum) {
    const empty = parameter.required ? [] : [""];
    input = element("select", {}, ...[...empty, ...schema.enum].map((value) => element("option", { value }, value)));
  } else {
    input = element("input", { type: schema.type === "integer" ? "number" : "text", placeholder: schema.format ?? schema.type ?? "" });
  }
  const title = parameter.name + (parameter.required ? "" : " (optional)");
  return { input, parameter, label: element("label", { title: parameter.description ?? "" }, title, input) };
}

function filled(path, fields) {
  let target = path;
  const query = new URLSearchParams();
  for (const { input, parameter } of fields) {
    if (parameter.in === "path") target = target.replace("{" + parameter.name + "}", encodeURIComponent(input.value || "-"));
    else if (input.value !== "") query.set(parameter.name, input.value);
  }
  const text = query.toString();
  return text ? target + "?" + text : target;
}

function operation(api, path, method, said) {
  const fields = (said.parameters ?? []).map(parameterField);
  const content = said.requestBody?.content?.["application/json"];
  const parts = [];
  if (said.description) parts.push(element("p", {}, said.description));
  if (fields.length) parts.push(element("div", { className: "parameters" }, ...fields.map((field) => field.label)));
  let body;
  if (content) {
    body = element("textarea", { spellcheck: false, ariaLabel: "Body of the request" });
    body.value = JSON.stringify(content.example ?? {}, null, 2);
    const form = element("details", {}, element("summary", {}, "What the body holds"), element("pre", {}, sketch(api, content.schema)));
    parts.push(body, form);
  }
  for (const [status, answer] of Object.entries(said.responses)) {
    const json = answer.content?.["application/json"]?.schema;
    if (!json) continue;
    const title = status + ": " + answer.description;
    parts.push(element("details", {}, element("summary", {}, title), element("pre", {}, sketch(api, json))));
  }
  const button = element("button", { type: "button" }, "Send");
  const status = element("output", { role: "status" });
  const shown = element("pre", { hidden: true, tabIndex: 0 });
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const { response, text, took } = await send(method.toUpperCase(), filled(path, fields), body?.value);
      status.className = response.ok ? "" : "bad";
      status.textContent = response.status + " " + response.statusText + " · " + took + " ms · " + text.length + " characters";
      shown.textContent = pretty(text);
      shown.hidden = text === "";
    } catch (error) {
      status.className = "bad";
      status.textContent = "The server could not be reached: " + error.message;
    }
    button.disabled = false;
  });
  parts.push(element("div", {}, button, status), shown);
  const open = said.security && said.security.length === 0 ? "" : "needs a token";
  const head = element("summary", {},
    element("span", { className: "method" }, method.toUpperCase()), element("span", { className: "path" }, path),
    element("span", { className: "said" }, said.summary ?? ""), element("span", { title: "needs a token" }, open));
  const made = element("details", { id: said.operationId }, head, element("div", { className: "operation" }, ...parts));
  made.dataset.words = (method + " " + path + " " + (said.summary ?? "") + " " + (said.description ?? "")).toLowerCase();
  return made;
}

function show(api) {
  byId("title").textContent = api.info.title + " API " + api.info.version;
  byId("about").textContent = api.info.description;
  const sections = api.tags.map((tag) => {
    const all = Object.entries(api.paths).flatMap(([path, methods]) =>
      Object.entries(methods).filter(([, said]) => said.tags.includes(tag.name)).map(([method, said]) => operation(api, path, method, said)));
    return element("section", {}, element("h2", {}, tag.name), element("p", {}, tag.description ?? ""), ...all);
  });
  byId("operations").replaceChildren(...sections);
  byId(location.hash.slice(1) || "title")?.scrollIntoView();
}

byId("find").addEventListener("input", (event) => {
  const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const one of document.querySelectorAll("details[data-words]")) {
    one.hidden = !words.every((word) => one.dataset.words.includes(word));
  }
});

byId("login").addEventListener("click", async () => {
  const who = byId("who");
  try {
    const body = JSON.stringify({ email: byId("email").value, password: byId("password").value, device: { name: "API page", platform: "browser" } });
    byId("token").value = "";
    const { response, text } = await send("POST", "/api/auth/login", body);
    const answer = JSON.parse(text);
    who.className = response.ok ? "" : "bad";
    who.textContent = response.ok ? "Logged in as " + answer.user_id + "." : answer.detail;
    if (response.ok) byId("token").value = answer.access_token;
    byId("password").value = "";
  } catch (error) {
    who.className = "bad";
    who.textContent = "The server could not be reached: " + error.message;
  }
});

fetch(new URL("api/openapi.json", base)).then((response) => response.json()).then(show, (error) => {
  byId("operations").textContent = "The document could not be read: " + error.message;
});
