/* Zoom and keyboard for the sunburst: every .chart-sunburst, with the line .sunburst-path after it. */
"use strict";

(() => {
  const FONT = 12.5; // CSS pixels
  const FIRST = 0.65; // width of the first ring beside that of another
  const EM = 0.63; // mean width of a letter in em, on the safe side
  const TURN = 2 * Math.PI;
  const SVG = "http://www.w3.org/2000/svg";

  const counted = (count, noun) => `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;

  const at = (share, radius, size) => {
    const x = size / 2 + radius * Math.sin(TURN * share);
    const y = size / 2 - radius * Math.cos(TURN * share);
    return `${x.toFixed(2)} ${y.toFixed(2)}`;
  };

  const circle = (radius, size) => {
    const half = `A${radius} ${radius} 0 1 1`;
    return `M${at(0, radius, size)}${half} ${at(0.5, radius, size)}${half} ${at(0, radius, size)}Z`;
  };

  /* Path of a part of a ring; as in sunburst.py. */
  const outline = ({ start, end, inner, outer }, size) => {
    if (end - start > 0.99999) return `${circle(outer, size)} ${circle(inner, size)}`;
    const far = end - start > 0.5 ? 1 : 0;
    const to = `A${outer} ${outer} 0 ${far} 1 ${at(end, outer, size)}`;
    const back = `A${inner} ${inner} 0 ${far} 0 ${at(start, inner, size)}`;
    return `M${at(start, outer, size)}${to}L${at(end, inner, size)}${back}Z`;
  };

  const shortened = (name, ems, room) => {
    if (ems <= room) return name;
    const letters = [...name];
    return `${letters.slice(0, Math.max(0, Math.floor((letters.length * room) / ems) - 1)).join("").trimEnd()}…`;
  };

  const isolated = (name) => `\u2068${name}\u2069`;

  const textAt = (words, transform) => {
    const text = document.createElementNS(SVG, "text");
    text.textContent = isolated(words);
    text.setAttribute("transform", transform);
    text.setAttribute("text-anchor", "middle");
    text.setAttribute("dy", "0.35em");
    return text;
  };

  /* The name of an arc along or across its ring, where there is room; as in sunburst.py. */
  const nameOf = (arc, shape, size, font) => {
    const middle = (shape.start + shape.end) / 2;
    const radius = (shape.inner + shape.outer) / 2;
    const room = shape.outer - shape.inner;
    const angle = TURN * (shape.end - shape.start);
    const length = arc.ems * font;
    let turn = 360 * middle;
    let words = arc.name;
    if (length < 0.9 * radius * Math.min(angle, 1.6) && 1.3 * font + length ** 2 / (8 * radius) < room) {
      if (middle > 0.25 && middle < 0.75) turn += 180;
    } else {
      words = shortened(arc.name, arc.ems, (room - 6) / font);
      const shown = Math.min(length, room - 6);
      if (angle * (radius - shown / 2) < 1.15 * font || (words !== arc.name && [...words].length < 8)) return null;
      turn += middle > 0.5 ? 90 : -90;
    }
    return textAt(words, `translate(${at(middle, radius, size)}) rotate(${turn.toFixed(2)})`);
  };

  const readArcs = (chart) => {
    const arcs = [...chart.querySelectorAll(".sunburst-arcs path")].map((path) => ({
      path,
      name: path.dataset.name,
      ems: Number(path.dataset.ems),
      depth: Number(path.dataset.depth),
      start: Number(path.dataset.start),
      end: Number(path.dataset.end),
      landmarks: Number(path.dataset.landmarks),
      images: Number(path.dataset.images),
      share: path.dataset.share,
      children: [],
    }));
    const { landmarks, images, radius } = chart.querySelector(".sunburst-middle").dataset;
    const all = { name: "all", ems: 3 * EM, depth: 0, start: 0, end: 1, children: [], parent: null };
    all.landmarks = Number(landmarks);
    all.images = Number(images);
    for (const arc of arcs) {
      arc.parent = arc.path.dataset.parent === "" ? all : arcs[Number(arc.path.dataset.parent)];
      arc.parent.children.push(arc);
    }
    return { arcs, all, centre: Number(radius) };
  };

  const pathTo = (arc) => (arc.parent === null || arc.parent.parent === null ? [arc] : [...pathTo(arc.parent), arc]);

  const heightOf = (arc) => arc.children.reduce((most, child) => Math.max(most, 1 + heightOf(child)), 0);

  const isWithin = (arc, root) => arc !== null && (arc === root || isWithin(arc.parent, root));

  const start = (chart) => {
    const { arcs, all, centre } = readArcs(chart);
    if (arcs.length === 0) return;
    const size = chart.viewBox.baseVal.width;
    const figure = chart.closest("figure");
    const line = figure?.querySelector(".sunburst-path") ?? null;
    const names = chart.querySelector(".sunburst-names");
    const middle = chart.querySelector(".sunburst-middle");
    const middleName = chart.querySelector(".sunburst-centre-name");
    const middleCount = chart.querySelector(".sunburst-centre-count");
    const mark = document.createElementNS(SVG, "path"); // drawn over all arcs, where a neighbour cannot hide it
    mark.setAttribute("class", "sunburst-focus");
    chart.insertBefore(mark, names);
    const arcOf = new Map(arcs.map((arc) => [arc.path, arc]));
    let root = all;
    let current = all.children[0];

    const tell = (arc) => {
      if (line === null) return;
      const parts = pathTo(arc).flatMap((step, place) => {
        const name = document.createElement("bdi");
        name.textContent = step.name;
        return place === 0 ? [name] : [" > ", name];
      });
      const share = arc.share === undefined ? "" : `, ${arc.share} of the labelled`;
      line.replaceChildren(...parts, `: ${counted(arc.landmarks, "landmark")}, ${counted(arc.images, "image")}${share}`);
    };

    /* Radius where each ring around the disc begins; of all rings the first is narrower, as in sunburst.py. */
    const edgesOf = () => {
      const height = Math.max(1, heightOf(root));
      const first = root === all && height > 1 ? FIRST : 1;
      const width = (size / 2 - 4 - centre) / (first + height - 1);
      return Array.from({ length: height + 1 }, (_, ring) => centre + (ring === 0 ? 0 : first + ring - 1) * width);
    };

    const shapeOf = (arc, edges) => {
      const ring = arc.depth - root.depth;
      const width = root.end - root.start;
      return {
        start: (arc.start - root.start) / width,
        end: (arc.end - root.start) / width,
        inner: edges[ring - 1],
        outer: edges[ring],
      };
    };

    const draw = () => {
      const edges = edgesOf();
      const shown = chart.getBoundingClientRect().width;
      const font = FONT * (shown > 0 ? Math.max(1, size / shown) : 1);
      const texts = [];
      for (const arc of arcs) {
        const isShown = arc !== root && isWithin(arc, root);
        arc.path.classList.toggle("is-away", !isShown);
        if (!isShown) continue;
        const shape = shapeOf(arc, edges);
        arc.path.setAttribute("d", outline(shape, size));
        const text = nameOf(arc, shape, size, font);
        if (text !== null) texts.push(text);
      }
      mark.setAttribute("d", current.path.getAttribute("d"));
      names.setAttribute("font-size", font.toFixed(2));
      names.classList.add("is-placed");
      names.replaceChildren(...texts);
      middle.classList.toggle("is-zoomed", root !== all);
      middle.setAttribute("font-size", font.toFixed(2));
      const room = (2 * centre - 16) / font;
      const words = counted(root.landmarks, "landmark");
      middleName.textContent = isolated(shortened(root.name, root.ems, room));
      middleCount.textContent = EM * words.length <= room ? words : root.landmarks.toLocaleString("en-US");
    };

    /* The arc that has the focus is the one that keys act on, whoever gave it the focus. */
    const settle = (arc) => {
      current.path.setAttribute("tabindex", "-1");
      current = arc;
      current.path.setAttribute("tabindex", "0");
      mark.setAttribute("d", current.path.getAttribute("d"));
      tell(current);
    };

    const reach = (arc) => {
      settle(arc);
      current.path.focus({ preventScroll: true });
    };

    const zoom = (arc) => {
      if (arc.children.length === 0) return reach(arc);
      root = arc;
      draw();
      reach(arc.children[0]);
      tell(arc);
    };

    const zoomOut = () => {
      if (root === all) return;
      const left = root;
      root = root.parent;
      draw();
      reach(left);
      tell(root);
    };

    const walk = (arc, step) => {
      const siblings = arc.parent.children;
      reach(siblings[(siblings.indexOf(arc) + step + siblings.length) % siblings.length]);
    };

    const up = (arc) => {
      if (arc.parent !== root) reach(arc.parent);
      else if (root !== all) {
        zoomOut();
        tell(current);
      }
    };

    const keys = {
      ArrowLeft: (arc) => walk(arc, -1),
      ArrowRight: (arc) => walk(arc, 1),
      ArrowUp: up,
      ArrowDown: (arc) => arc.children.length > 0 && reach(arc.children[0]),
      Home: (arc) => reach(arc.parent.children[0]),
      End: (arc) => reach(arc.parent.children.at(-1)),
      Enter: zoom,
      " ": zoom,
      Escape: zoomOut,
      Backspace: zoomOut,
    };

    chart.addEventListener("keydown", (event) => {
      const act = keys[event.key];
      if (act === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      act(current);
    });
    chart.addEventListener("click", (event) => {
      const arc = arcOf.get(event.target);
      if (arc !== undefined) zoom(arc);
      else if (middle.contains(event.target)) zoomOut();
    });
    chart.addEventListener("pointerover", (event) => {
      const arc = arcOf.get(event.target);
      if (arc !== undefined) tell(arc);
    });
    chart.addEventListener("pointerleave", () => tell(chart.contains(document.activeElement) ? current : root));
    // Not on the chart: browsers let an <svg> that listens for focus take it, which would be a second tab stop.
    (figure ?? document).addEventListener("focusin", (event) => {
      const arc = arcOf.get(event.target);
      if (arc !== undefined) settle(arc);
    });

    chart.setAttribute("role", "tree");
    for (const group of chart.querySelectorAll("g")) group.setAttribute("role", "none");
    for (const hidden of [mark, names, middle]) hidden.setAttribute("aria-hidden", "true");
    for (const arc of arcs) {
      arc.path.setAttribute("role", "treeitem");
      arc.path.setAttribute("aria-level", arc.depth);
      arc.path.setAttribute("tabindex", arc === current ? "0" : "-1");
    }
    new ResizeObserver(draw).observe(chart);
    tell(all);
  };

  const startAll = () => document.querySelectorAll(".chart-sunburst").forEach(start);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", startAll);
  else startAll();
})();
