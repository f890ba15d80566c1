// Checks the texts of a page, within the page: see test_boxes.py.
({
  // Return the problems as sentences: texts that overlap or are cut without a mark, and a page that is too wide.
  layoutProblems: () => {
    const problems = [];
    const root = document.scrollingElement;
    if (root.scrollWidth > root.clientWidth) problems.push(`the page is ${root.scrollWidth - root.clientWidth} px too wide`);
    const name = (element) => {
      const id = element.id ? `#${element.id}` : "";
      return `${element.tagName.toLowerCase()}${id}.${[...element.classList].join(".")} "${element.textContent.trim().slice(0, 40)}"`;
    };
    const isSeen = (element) =>
      element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) &&
      !element.closest(".visually-hidden, .skip, template, noscript, canvas, svg, select, option, .chart-tip, .toasts");
  
    // Every visible line of text, cut to the boxes with hidden overflow.
    const lines = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let text = walker.nextNode(); text !== null; text = walker.nextNode()) {
      const element = text.parentElement;
      if (text.data.trim() === "" || element === null || !isSeen(element)) continue;
      const range = document.createRange();
      range.selectNodeContents(text);
      const clips = [];
      for (let holder = element; holder !== null && holder !== document.body; holder = holder.parentElement) {
        const style = getComputedStyle(holder);
        if (style.display !== "inline" && style.overflow !== "visible") clips.push(holder);
      }
      for (const box of range.getClientRects()) {
        if (box.width < 1 || box.height < 1) continue;
        const shown = { left: box.left, right: box.right, top: box.top, bottom: box.bottom };
        for (const holder of clips) {
          const clip = holder.getBoundingClientRect();
          shown.left = Math.max(shown.left, clip.left);
          shown.right = Math.min(shown.right, clip.right);
          shown.top = Math.max(shown.top, clip.top);
          shown.bottom = Math.min(shown.bottom, clip.bottom);
        }
        if (shown.right - shown.left < 1 || shown.bottom - shown.top < 1) continue;
        const isFixed = element.closest("header.top, .node-head") !== null;
        // Letters are lower than their line.
        lines.push({ element, isFixed, ...shown, top: shown.top + 3, bottom: shown.bottom - 3 });
      }
    }
    for (const [index, one] of lines.entries()) {
      for (const other of lines.slice(index + 1)) {
        if (one.element === other.element || one.isFixed !== other.isFixed) continue;
        const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left);
        const high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
        if (wide > 1 && high > 1) problems.push(`${name(one.element)} and ${name(other.element)} lie ${wide.toFixed()} × ${high.toFixed()} px over each other`);
      }
    }
  
    // A text over a drawing needs a background, so that no line crosses its letters.
    const hasBackground = (element, canvas) => {
      for (let holder = element; !holder.contains(canvas); holder = holder.parentElement) {
        if (!/^rgba\(.*, 0\)$/.test(getComputedStyle(holder).backgroundColor)) return true;
      }
      return false;
    };
    for (const canvas of document.querySelectorAll("canvas")) {
      const drawn = canvas.getBoundingClientRect();
      for (const line of lines) {
        const wide = Math.min(line.right, drawn.right) - Math.max(line.left, drawn.left);
        const high = Math.min(line.bottom, drawn.bottom) - Math.max(line.top, drawn.top);
        if (line.isFixed || wide <= 1 || high <= 1 || hasBackground(line.element, canvas)) continue;
        problems.push(`${name(line.element)} is written over a drawing`);
      }
    }

    // A cut text needs an ellipsis and a title with the whole text.
    for (const element of document.body.querySelectorAll("*")) {
      if (!isSeen(element) || element.textContent.trim() === "" || element.matches("html, body, pre")) continue;
      const style = getComputedStyle(element);
      const cuts = (overflow) => overflow === "hidden" || overflow === "clip";
      const isCutWide = cuts(style.overflowX) && element.scrollWidth > element.clientWidth + 1;
      const isCutHigh = cuts(style.overflowY) && element.scrollHeight > element.clientHeight + 1;
      if (!isCutWide && !isCutHigh) continue;
      const isMarked = style.textOverflow === "ellipsis" || style.webkitLineClamp !== "none";
      const whole = element.title || element.querySelector("[title]")?.title || element.closest("[title]")?.title;
      if (isMarked && whole) continue;
      const hasText = lines.some((line) => element.contains(line.element));
      if (hasText) problems.push(`${name(element)} is cut`);
    }
    // An element that scrolls sideways hides text too.
    for (const element of document.body.querySelectorAll("*")) {
      const scrolls = /auto|scroll/.test(getComputedStyle(element).overflowX);
      if (scrolls && isSeen(element) && element.scrollWidth > element.clientWidth + 1) problems.push(`${name(element)} scrolls sideways`);
    }
    // Text must not extend beyond the edges of the screen.
    for (const line of lines) {
      if (line.left < -1 || line.right > innerWidth + 1) problems.push(`${name(line.element)} extends beyond the screen`);
    }
    return [...new Set(problems)];
  },

  // Return the controls that are smaller than `size` pixels, except links within a sentence.
  smallTargets: (size) => [...document.querySelectorAll("a[href], button, select, input:not([type=hidden]), summary")]
    .filter((each) => each.checkVisibility({ visibilityProperty: true }) && !each.closest(".skip, .visually-hidden, .banner p, .intro"))
    .map((each) => [each, each.getBoundingClientRect()])
    .filter(([each, box]) => box.width > 0 && (box.height < size - 0.5 || (box.width < size - 0.5 && each.textContent.trim().length < 4)))
    .map(([each, box]) => `${each.tagName} "${(each.textContent.trim() || each.id || each.name).slice(0, 40)}" ${box.width.toFixed()} × ${box.height.toFixed()}`),
})
