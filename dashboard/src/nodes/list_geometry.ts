/** Positions in a list of sections. A section has a head over the whole width, or none, and rows of items below. */

/** Sizes in pixels. `headPixels`: height of a head. */
export interface ListSizes {
  readonly columns: number;
  readonly rowPixels: number;
  readonly gapPixels: number;
  readonly headPixels: number;
}

export interface SectionSize {
  readonly hasHead: boolean;
  readonly count: number;
}

/** A section in the list. `top` and `itemsTop` in pixels from the top of the list. */
export interface SectionPlace extends SectionSize {
  readonly top: number;
  readonly itemsTop: number;
  readonly rows: number;
  /** Number of heads and items above the section. */
  readonly position: number;
}

export interface ListPlaces {
  readonly sections: readonly SectionPlace[];
  readonly heightPixels: number;
  /** Number of heads and items. */
  readonly total: number;
}

/** The visible part of a section. `firstRow` and `lastRow` are a range of rows without its end. */
export interface VisiblePart {
  readonly isHeadVisible: boolean;
  readonly firstRow: number;
  readonly lastRow: number;
}

export function placesOf(sections: readonly SectionSize[], sizes: ListSizes): ListPlaces {
  const pitch = sizes.rowPixels + sizes.gapPixels;
  const places: SectionPlace[] = [];
  let top = 0;
  let position = 0;
  for (const { hasHead, count } of sections) {
    const rows = Math.ceil(count / sizes.columns);
    const itemsTop = top + (hasHead ? sizes.headPixels + sizes.gapPixels : 0);
    places.push({ hasHead, count, top, itemsTop, rows, position });
    top = itemsTop + rows * pitch;
    position += count + Number(hasHead);
  }
  return { sections: places, heightPixels: Math.max(0, top - sizes.gapPixels), total: position };
}

/** Return what lies between `from` and `to`, in pixels from the top of the list, and `overscan` pixels around. */
export function visiblePart(
  place: SectionPlace,
  from: number,
  to: number,
  overscan: number,
  sizes: ListSizes,
): VisiblePart {
  const pitch = sizes.rowPixels + sizes.gapPixels;
  const more = Math.ceil(overscan / pitch);
  const isHeadVisible = place.hasHead && place.top < to + overscan && place.top + sizes.headPixels > from - overscan;
  const firstRow = Math.max(0, Math.floor((from - place.itemsTop) / pitch) - more);
  const lastRow = Math.min(place.rows, Math.ceil((to - place.itemsTop) / pitch) + more);
  return { isHeadVisible, firstRow, lastRow };
}
