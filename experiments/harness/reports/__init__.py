"""What a run shows to people: tables, sample grids, curves, and an HTML page.

=====================  =====================================================================================
file                   holds
=====================  =====================================================================================
``curve_plots.py``     plots of curves, as SVG for the page and as a PNG
``headline.py``        the first sentence of a page: what was trained, how near to real data, whether healthy
``markdown_html.py``   the Markdown of the experiments' tables as HTML
``page_style.py``      the page's security policy, style and script
``report_curves.py``   the page's curves: their points, colors and captions
``report_images.py``   the page's images: samples under a slider, and figures
``report_numbers.py``  the page's tables: results, settings and versions of runs side by side
``report_page.py``     the HTML page of one run, or of several
``run_log.py``         the warnings of a command, and the page that is written after it
``run_record.py``      a run's folder, read for its page
``sample_grids.py``    samples as a grid of images, or as lines of text
``tables.py``          Markdown tables, and numbers as their cells show them
=====================  =====================================================================================
"""
